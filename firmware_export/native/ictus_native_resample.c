/* A polyphase filter that adds in the order of `scipy.signal.upfirdn`, so that float32 results are the same.
 *
 * Every `down` inputs give `up` outputs. TILE such periods are worked on side by side: their inputs are laid out
 * as rows of TILE values, one row for each place in the period, and one tap then serves a whole row. */
#include "ictus_native.h"

enum { TILE = ICTUS_NATIVE_TILE };

/* rows[i][k] = x[(period + k) * down + i - (n_taps - 1)], zero outside of x. */
static void lay_out(const ictus_native_polyphase *f, const float *x, int64_t n_x, int64_t period, float *rows)
{
    const int64_t n_rows = f->down + f->n_taps - 1;
    for (int64_t k = 0; k < TILE; ++k) {
        const int64_t first = (period + k) * f->down - (f->n_taps - 1);
        for (int64_t i = 0; i < n_rows; ++i) {
            const int64_t from = first + i;
            rows[i * TILE + k] = from >= 0 && from < n_x ? x[from] : 0.0f;
        }
    }
}

static void filter_phase(const float *taps, int64_t n_taps, const float *rows, float sum[TILE])
{
    for (int k = 0; k < TILE; ++k)
        sum[k] = 0.0f;
    for (int64_t i = 0; i < n_taps; ++i)
        for (int k = 0; k < TILE; ++k)
            sum[k] += rows[i * TILE + k] * taps[i];
}

void ictus_native_resample(const ictus_native_polyphase *f, const float *x, int64_t n_x, float *rows, float *out,
                           int64_t n_out)
{
    float sum[TILE];
    for (int64_t period = 0; period * f->up < n_out; period += TILE) {
        lay_out(f, x, n_x, period, rows);
        for (int64_t p = 0; p < f->up; ++p) {
            const int64_t at = p * f->down;
            filter_phase(f->taps + at % f->up * f->n_taps, f->n_taps, rows + at / f->up * TILE, sum);
            for (int64_t k = 0; k < TILE && (period + k) * f->up + p < n_out; ++k)
                out[(period + k) * f->up + p] = sum[k];
        }
    }
}
