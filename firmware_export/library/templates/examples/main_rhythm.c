/* The whole integration: samples in, one event per strip of 32 seconds out. port.h is the board. */
#include "ictus.h"
#include "ictus_model_data.h"
#include "port.h"

static ictus_device device;
static ictus_rhythm rhythm;
static uint32_t arena[ICTUS_ARENA_BYTES / 4];

int main(void)
{
    if (ictus_init(&device, ictus_model_data, ICTUS_MODEL_BYTES, arena, sizeof arena) != ICTUS_OK ||
        ictus_add_rhythm(&device, &rhythm, ictus_model_data, ICTUS_MODEL_BYTES, arena, sizeof arena) != ICTUS_OK)
        return 1;
    for (;;) {
        (void)ictus_push_sample(&device, next_sample());
        if (rhythm.decided)
            on_rhythm(&rhythm.event);
    }
}
