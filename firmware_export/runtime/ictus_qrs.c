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
#define BUSY_EVERY 8u

void ictus_qrs_init(ictus_qrs *q)
{
    static const ictus_qrs fresh = {.rr = FIRST_RR, .last_at = NEVER, .wake = LEARN};
    *q = fresh;
}

static void wake_by(ictus_qrs *q, uint32_t at)
{
    if ((int32_t)(at - q->wake) < 0) {
        q->wake = at;
    }
}

/* Takes `n` samples of s, all of one piece, at `s`: sums the last WIDTH values of |s[n] - 2 s[n-STEP] + s[n-2 STEP]|,
 * each at most 2^17, and keeps the highest maximum. `q->time` is then that of the last one. */
static void follow_energy(ictus_qrs *q, const int16_t *s, uint32_t n)
{
    int32_t *oldest = &q->bend[q->slot], *const ring_end = q->bend + WIDTH;
    int32_t energy = q->energy;
    uint8_t rising = q->rising;
    for (const int16_t *end = s + n; s != end; s++) {
        const int32_t bend = ictus_abs32(s[0] - 2 * s[-(int32_t)STEP] + s[-2 * (int32_t)STEP]);
        const int32_t change = bend - *oldest;
        *oldest++ = bend;
        if (oldest == ring_end) {
            oldest = q->bend;
        }
        if (change > 0) {
            rising = 1;
        } else if (change < 0) {
            if (rising && energy > q->best) {
                q->best = energy;
                q->best_at = q->time + n - 1u - (uint32_t)(end - s);
                wake_by(q, q->best_at + HOLD + 1u);
            }
            rising = 0;
        }
        energy += change;
    }
    q->energy = energy;
    q->rising = rising;
    q->slot = (uint8_t)(oldest - q->bend);
    q->time += n - 1u;
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

/* Queues the maximum; in the learning time its R peak may seem to lie before the first sample. */
static void enqueue_maximum(ictus_qrs *q, const ictus_filter *f, uint32_t n_later)
{
    const uint32_t delay = n_later - SMOOTH_DELAY;
    uint32_t age = r_peak_age(f, HOLD + 1u + ENERGY_DELAY + delay) - delay;
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

/* Sets when to act next, at the earliest with the next sample. */
static void plan_wake(ictus_qrs *q)
{
    const uint32_t next = q->time + 1u;
    q->wake = q->learned ? (q->queued > 0 || (int32_t)(q->deadline - next) < 0 ? next : q->deadline) : LEARN;
    if (q->best > 0) {
        wake_by(q, q->best_at + HOLD + 1u);
    }
}

/* All that follows from the energy at `q->time`, behind which the filter has taken `n_later` samples. */
static int act(ictus_qrs *q, const ictus_filter *f, uint32_t n_later, int32_t *peak_age)
{
    int announced = 0;
    if (q->best > 0 && q->time - q->best_at == HOLD + 1u) {
        enqueue_maximum(q, f, n_later);
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
    plan_wake(q);
    return announced;
}

uint32_t ictus_qrs_run(ictus_qrs *q, const ictus_filter *f, uint32_t n, uint8_t peak_age[ICTUS_FILTER_PIECE])
{
    uint32_t n_beats = 0;
    while (n > 0) {
        const uint32_t to_busy = BUSY_EVERY - (q->time & (BUSY_EVERY - 1u)), to_wake = q->wake - q->time + 1u;
        const uint32_t most = to_busy < n ? to_busy : n, n_now = to_wake < most ? to_wake : most;
        int32_t age = 0;
        follow_energy(q, ictus_filter_at(f, n - 1u), n_now);
        n -= n_now;
        if (n_now == to_busy) {
            q->busy += q->energy - (q->busy >> 3);
        }
        if (n_now == to_wake && act(q, f, n, &age)) {
            peak_age[n_beats++] = (uint8_t)((uint32_t)age + n);
        }
        q->time++;
    }
    return n_beats;
}

int ictus_qrs_push(ictus_qrs *q, const ictus_filter *f, int32_t *peak_age)
{
    uint8_t age[ICTUS_FILTER_PIECE];
    if (ictus_qrs_run(q, f, 1, age) == 0) {
        return 0;
    }
    *peak_age = age[0];
    return 1;
}
