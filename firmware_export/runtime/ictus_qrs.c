#include "ictus_qrs.h"

#define SMOOTH_DELAY 1u
#define STEP 4u
#define WIDTH ICTUS_QRS_WIDTH
#define REACH 8u
#define ENERGY_DELAY (SMOOTH_DELAY + STEP + WIDTH / 2u)
#define HOLD 30u
#define MAX_WAIT (ICTUS_QRS_MAX_LATENCY - ENERGY_DELAY - REACH)
#define LEARN 160u
#define FLOOR 200
#define CEILING 16384
#define T_WAVE_WITHIN 41u
#define FIRST_RR 128
#define LONGEST_RR 320u
#define RETRY 32u
#define STALE 150u
#define LOST 512u
#define NEVER 0xC0000000u

void ictus_qrs_init(ictus_qrs *q)
{
    static const ictus_qrs fresh = {.rr = FIRST_RR, .last_at = NEVER};
    *q = fresh;
}

/* The last WIDTH values of |s[n] - 2 s[n-STEP] + s[n-2 STEP]|, each at most 2^17, summed. */
static int32_t next_energy(ictus_qrs *q, const ictus_filter *f)
{
    const int32_t bend = ictus_abs32(ictus_filter_smoothed(f, 0) - 2 * ictus_filter_smoothed(f, STEP)
                                     + ictus_filter_smoothed(f, 2u * STEP));
    int32_t *oldest = &q->bend[q->slot];
    const int32_t energy = q->energy + bend - *oldest;
    *oldest = bend;
    q->slot = (uint8_t)(q->slot + 1u == WIDTH ? 0u : q->slot + 1u);
    return energy;
}

/* Age of the s within REACH of age `centre` that lies farthest from its mean over twice the reach. */
static uint32_t r_peak_age(const ictus_filter *f, uint32_t centre)
{
    int32_t total = 0;
    for (uint32_t age = centre - 2u * REACH; age <= centre + 2u * REACH; age++) {
        total += ictus_filter_smoothed(f, age);
    }
    int32_t farthest = -1;
    uint32_t found = centre;
    for (uint32_t age = centre + REACH; age >= centre - REACH; age--) {
        const int32_t n = (int32_t)(4u * REACH + 1u);
        const int32_t deflection = ictus_abs32(n * ictus_filter_smoothed(f, age) - total);
        if (deflection > farthest) {
            farthest = deflection;
            found = age;
        }
    }
    return found;
}

/* Follows the energy; returns 1 when a maximum has stood HOLD samples unsurpassed. */
static int find_maximum(ictus_qrs *q, int32_t energy)
{
    if (energy > q->energy) {
        q->rising = 1;
    } else if (energy < q->energy) {
        if (q->rising && q->energy > q->best) {
            q->best = q->energy;
            q->best_at = q->time - 1u;
        }
        q->rising = 0;
    }
    q->energy = energy;
    return q->best > 0 && q->time - q->best_at == HOLD + 1u;
}

/* Queues the maximum; in the learning time its R peak may seem to lie before the first sample. */
static void enqueue_maximum(ictus_qrs *q, const ictus_filter *f)
{
    uint32_t age = r_peak_age(f, HOLD + 1u + ENERGY_DELAY - SMOOTH_DELAY) + SMOOTH_DELAY;
    if (!q->learned && age > q->time) {
        age = q->time;
    }
    ictus_qrs_candidate *c = &q->queue[q->queued];
    c->at = q->best_at;
    c->peak = q->time - age;
    c->surround = ictus_max32((q->busy * 5 >> 3) - q->best, 0);
    c->height = ictus_clamp32(q->best - (c->surround >> 3), 0, CEILING);
    q->best = 0;
    q->queued++;
}

static ictus_qrs_candidate dequeue(ictus_qrs *q)
{
    const ictus_qrs_candidate first = q->queue[0];
    q->queued--;
    for (uint8_t i = 0; i < q->queued; i++) {
        q->queue[i] = q->queue[i + 1u];
    }
    return first;
}

/* Sets the levels from the candidates of the learning time. */
static void learn(ictus_qrs *q)
{
    int32_t highest = 0;
    for (uint8_t i = 0; i < q->queued; i++) {
        highest = ictus_max32(highest, q->queue[i].height);
    }
    q->beat = ictus_max32(FLOOR, highest * 3 >> 2);
    q->noise = q->beat >> 3;
    q->deadline = q->time + RETRY;
    q->learned = 1;
}

static int32_t threshold(const ictus_qrs *q)
{
    return ictus_max32(FLOOR, q->noise + ictus_asr32((q->beat - q->noise) * 7, 4));
}

static int announce(ictus_qrs *q, const ictus_qrs_candidate *c, unsigned shift, int32_t *peak_age)
{
    const int32_t step = ictus_min32(c->height, 2 * q->beat) - q->beat;
    const uint32_t rr = c->at - q->last_at;
    q->beat = ictus_max32(FLOOR, q->beat + ictus_asr32(step, shift));
    if (rr < LONGEST_RR) {
        q->rr += ictus_asr32((int32_t)rr - q->rr, 3);
    }
    q->last_at = c->at;
    q->last_height = c->height;
    q->deadline = c->at + (uint32_t)(q->rr * 13 >> 3);
    *peak_age = (int32_t)(q->time - c->peak);
    q->passed_over.height = 0;
    return 1;
}

/* Decides on a new candidate. */
static int offer(ictus_qrs *q, ictus_qrs_candidate c, int32_t *peak_age)
{
    const int32_t doubt = q->noise * 4 > q->beat ? c.surround >> 1 : 0;
    const int t_wave = c.at - q->last_at < T_WAVE_WITHIN && c.height * 16 < q->last_height * 11;
    if (c.height - doubt > threshold(q) && !t_wave) {
        return announce(q, &c, 3, peak_age);
    }
    q->noise += ictus_asr32(ictus_min32(c.height, q->beat) - q->noise, 2);
    c.height -= doubt >> 1;
    if (c.height > q->passed_over.height && !t_wave) {
        q->passed_over = c;
    }
    return 0;
}

/* The next beat is overdue: takes the best candidate passed over, or lowers the level of beats. */
static int search_back(ictus_qrs *q, int32_t *peak_age)
{
    const uint32_t waited = q->time - q->passed_over.at;
    if (q->passed_over.height * 16 > threshold(q) * 9 && waited <= MAX_WAIT) {
        return announce(q, &q->passed_over, 2, peak_age);
    }
    if (waited >= STALE) {
        q->passed_over.height = 0;
    }
    const unsigned shift = q->time - q->last_at < LOST ? 5 : 3;
    q->beat = ictus_max32(FLOOR, q->beat - (q->beat >> shift));
    q->deadline = q->time + RETRY;
    return 0;
}

int ictus_qrs_push(ictus_qrs *q, const ictus_filter *f, int32_t *peak_age)
{
    const int32_t energy = next_energy(q, f);
    int announced = 0;
    if ((q->time & 7u) == 7u) {
        q->busy += energy - (q->busy >> 3);
    }
    if (find_maximum(q, energy)) {
        enqueue_maximum(q, f);
    }
    if (!q->learned && q->time == LEARN) {
        learn(q);
    }
    if (q->learned) {
        if (q->queued > 0) {
            announced = offer(q, dequeue(q), peak_age);
        } else if ((int32_t)(q->time - q->deadline) >= 0) {
            announced = search_back(q, peak_age);
        }
    }
    q->time++;
    return announced;
}
