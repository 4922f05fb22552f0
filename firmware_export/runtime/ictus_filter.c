#include "ictus_filter.h"

void ictus_filter_init(ictus_filter *f)
{
    f->head = 0;
    f->started = 0;
}

static void start(ictus_filter *f, int16_t x)
{
    f->x1 = x;
    f->x2 = x;
    f->sum = (int32_t)x * (int32_t)ICTUS_FILTER_WINDOW;
    for (uint32_t i = 0; i < ICTUS_FILTER_WINDOW; i++) {
        f->smoothed[i] = x;
    }
    f->started = 1;
}

int16_t ictus_filter_push(ictus_filter *f, int16_t x)
{
    if (!f->started) {
        start(f, x);
    }
    const int32_t s = ictus_asr32((int32_t)x + 2 * (int32_t)f->x1 + f->x2 + 2, 2);
    f->x2 = f->x1;
    f->x1 = x;
    f->head = (uint8_t)((f->head + 1u) & (ICTUS_FILTER_WINDOW - 1u));
    f->sum += s - f->smoothed[f->head];
    f->smoothed[f->head] = (int16_t)s;
    const int32_t mean = ictus_asr32(f->sum + 64, 7);
    return ictus_sat16(ictus_filter_smoothed(f, ICTUS_FILTER_WINDOW / 2u) - mean);
}
