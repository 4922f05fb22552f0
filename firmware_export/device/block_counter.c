/* Counts the basic blocks that the emulated core enters. Built for the host and called by the emulator, since a
 * callback in Python would cost a microsecond a block.
 *
 * A region is a function whose instructions, callees included, are counted apart. Regions nest. */
#include <stddef.h>
#include <stdint.h>

enum { MAX_REGIONS = 16, MAX_DEPTH = 16, N_SLOTS = 1 << 14 };

typedef struct {
    uint32_t address;     /* of the block, 0 for a free slot */
    uint32_t size;        /* bytes */
    uint32_t region;      /* 0 for none, else 1 + the index of the region */
    uint32_t unused;
    uint64_t n;           /* times entered */
    uint64_t n_fell_thru; /* times the block behind it came next: a branch at its end was not taken */
} block;

typedef struct {
    uint32_t region, return_address, stack_pointer;
} activation;

typedef struct {
    int (*read_register)(void *engine, int id, void *value); /* uc_reg_read */
    int32_t link_register, stack_register;                   /* unicorn's ids */
    uint32_t n_regions, depth, overflow, unused;
    uint32_t entry[MAX_REGIONS];    /* address of each region's function */
    uint64_t n_entered[MAX_REGIONS]; /* times each was called */
    block *previous;
    activation stack[MAX_DEPTH];
    block blocks[N_SLOTS];
} counter;

uint32_t ictus_counter_bytes(void);
uint32_t ictus_counter_slots(void);
void *ictus_counter_blocks(counter *state);
void ictus_counter_hook(void *engine, uint64_t address, uint32_t size, void *user);

uint32_t ictus_counter_bytes(void)
{
    return (uint32_t)sizeof(counter);
}

uint32_t ictus_counter_slots(void)
{
    return N_SLOTS;
}

void *ictus_counter_blocks(counter *state)
{
    return state->blocks;
}

static uint32_t read_register(const counter *state, void *engine, int id)
{
    uint32_t value = 0;
    (void)state->read_register(engine, id, &value);
    return value;
}

static void follow_regions(counter *state, void *engine, uint32_t address)
{
    while (state->depth != 0) {
        const activation *top = &state->stack[state->depth - 1];
        if (top->return_address != address || read_register(state, engine, state->stack_register) != top->stack_pointer)
            break;
        --state->depth;
    }
    for (uint32_t i = 0; i < state->n_regions; ++i) {
        if (state->entry[i] != address || state->depth == MAX_DEPTH)
            continue;
        activation *top = &state->stack[state->depth++];
        top->region = i + 1;
        top->return_address = read_register(state, engine, state->link_register) & ~UINT32_C(1);
        top->stack_pointer = read_register(state, engine, state->stack_register);
        ++state->n_entered[i];
    }
}

static block *find_block(counter *state, uint32_t address, uint32_t size, uint32_t region)
{
    const uint32_t hash = ((address >> 1) + region * UINT32_C(0x85EBCA6B)) * UINT32_C(0x9E3779B1) >> 18;
    for (uint32_t tried = 0; tried < N_SLOTS; ++tried) {
        block *found = &state->blocks[(hash + tried) % N_SLOTS];
        if (found->address == 0) {
            found->address = address;
            found->size = size;
            found->region = region;
        }
        if (found->address == address && found->size == size && found->region == region)
            return found;
    }
    state->overflow = 1;
    return NULL;
}

void ictus_counter_hook(void *engine, uint64_t address, uint32_t size, void *user)
{
    counter *state = user;
    const uint32_t at = (uint32_t)address;
    follow_regions(state, engine, at);
    if (state->previous != NULL && state->previous->address + state->previous->size == at)
        ++state->previous->n_fell_thru;
    const uint32_t region = state->depth == 0 ? 0 : state->stack[state->depth - 1].region;
    state->previous = find_block(state, at, size, region);
    if (state->previous != NULL)
        ++state->previous->n;
}
