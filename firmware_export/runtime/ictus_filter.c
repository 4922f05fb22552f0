#include "ictus_filter.h"

void ictus_filter_init(ictus_filter *f)
{
    f->head = ICTUS_FILTER_WINDOW - 1u;
    f->started = 0;
}

static void start(ictus_filter *f, int16_t x)
{
    f->x1 = x;
    f->pair = 2 * (int32_t)x;
    f->sum = (int32_t)x * (int32_t)ICTUS_FILTER_WINDOW;
    for (uint32_t i = 0; i < ICTUS_FILTER_MARGIN + ICTUS_FILTER_WINDOW; i++) {
        f->ring[i] = x;
    }
    f->started = 1;
}

static void copy_margin(ictus_filter *f)
{
    for (uint32_t i = 0; i < ICTUS_FILTER_MARGIN; i++) {
        f->ring[i] = f->ring[ICTUS_FILTER_WINDOW + i];
    }
}

void ictus_filter_run(ictus_filter *f, const int16_t *x, uint32_t n, int16_t *b, uint32_t at, uint32_t b_size)
{
    if (!f->started) {
        start(f, x[0]);
    }
    const uint32_t first = (f->head + 1u) & (ICTUS_FILTER_WINDOW - 1u);
    int16_t *s = &f->ring[ICTUS_FILTER_MARGIN + first];
    const int16_t *middle = &f->ring[ICTUS_FILTER_MARGIN + (first ^ ICTUS_FILTER_WINDOW / 2u)];
    int32_t sum = f->sum, pair = f->pair, before = f->x1;
    for (const int16_t *end = x + n; x != end;) {
        const int32_t now = *x++, later_pair = now + before;
        const int32_t smoothed = ictus_asr32(pair + later_pair + 2, 2);
        before = now;
        pair = later_pair;
        sum += smoothed - *s;
        *s++ = (int16_t)smoothed;
        b[at++ & (b_size - 1u)] = ictus_sat16(*middle++ - ictus_asr32(sum + 64, 7));
    }
    f->sum = sum;
    f->pair = pair;
    f->x1 = (int16_t)before;
    f->head = (uint8_t)(first + n - 1u);
    if (f->head == ICTUS_FILTER_WINDOW - 1u) {
        copy_margin(f);
    }
}

int16_t ictus_filter_push(ictus_filter *f, int16_t x)
{
    int16_t b = 0;
    ictus_filter_run(f, &x, 1, &b, 0, 1);
    return b;
}
