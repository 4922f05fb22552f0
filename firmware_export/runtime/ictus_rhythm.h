/* Rhythm of strips of 32 seconds: normal, atrial fibrillation or other; equal to the Python of
 * `ictus.signals.rhythm_wave`, `ictus.signals.rhythm_features` and `ictus.compression`, bit for bit.
 *
 *     static ictus_rhythm rhythm;
 *     static uint32_t arena[ICTUS_ARENA_BYTES / 4];
 *     ictus_add_rhythm(&device, &rhythm, model, model_bytes, arena, sizeof arena);
 *     for each sample:
 *         ictus_push_sample(&device, sample);
 *         if (rhythm.decided)
 *             use(&rhythm.event);
 *
 * While a strip goes on, one second of the filtered signal at a time is halved to 64 Hz, scaled by a running amplitude
 * and kept, and so are the R peaks. A strip is decided 193 samples (1.5 s) after its end, when every R peak of it has
 * been announced: too little of it analysable, no class; else its features go to the screen, and if that does not
 * find it normal, the wave is streamed through the specialist. All of this happens within the one call of
 * `ictus_push_sample` that completes the first second of the next strip. The arena is used only then: it may be the
 * one that the device's own model works in.
 */
#ifndef ICTUS_RHYTHM_H
#define ICTUS_RHYTHM_H

#include "ictus_model.h"

enum {
    ICTUS_RHYTHM_BLOCK = 64,        /* samples of the wave in a second */
    ICTUS_RHYTHM_STRIP_BLOCKS = 32, /* seconds */
    ICTUS_RHYTHM_STRIP = ICTUS_RHYTHM_BLOCK * ICTUS_RHYTHM_STRIP_BLOCKS,
    ICTUS_RHYTHM_MIN_ANALYSABLE = 16, /* of the 32 seconds; fewer give no class */
    ICTUS_RHYTHM_FEATURES = 44,
    ICTUS_RHYTHM_MAX_PEAKS = 161, /* of a strip that are looked at */
    ICTUS_RHYTHM_NEXT_PEAKS = 15, /* of the strip after it, while it waits for its decision */
    ICTUS_RHYTHM_CLASSES = 8      /* outputs of the specialist that an event has room for */
};

typedef struct {
    uint32_t first_block;                      /* second in which the strip begins, from 0 */
    uint8_t reached;                           /* ictus_exit (ictus.h): the stage that decided */
    int8_t label;                              /* index of the class, 0 is normal; -1 if too little was analysable */
    uint8_t n_analysable;                      /* seconds of ICTUS_RHYTHM_STRIP_BLOCKS */
    int8_t screen_logit;                       /* Q4.3; 0 if the screen did not run */
    int8_t class_logits[ICTUS_RHYTHM_CLASSES]; /* Q4.3; 0 unless the specialist ran */
} ictus_rhythm_event;

typedef struct {
    uint32_t strips;     /* decided, one event each */
    uint32_t screened;   /* runs of the screen */
    uint32_t specialist; /* runs of the specialist */
} ictus_rhythm_counts;

typedef struct {
    ictus_model model;
    ictus_rhythm_counts counts;
    ictus_rhythm_event event; /* of the strip that was decided last */
    uint8_t decided;          /* 1 if the latest sample decided it */
    uint8_t started;          /* a second has been scaled */
    uint8_t n_blocks;         /* seconds of the strip that are there, 0..32 */
    uint16_t n_peaks;
    uint32_t first_block; /* second in which the strip begins */
    uint32_t rejected;    /* bit k: the gate rejected the second k before the latest one */
    int32_t level;        /* running amplitude, counts * 16, below 2^18 */
    int32_t last_height;  /* extreme of the second before, counts * 16 */
    uint16_t peak[ICTUS_RHYTHM_MAX_PEAKS + ICTUS_RHYTHM_NEXT_PEAKS]; /* samples of 128 Hz from the strip's start */
    int8_t wave[ICTUS_RHYTHM_STRIP];                                 /* Q2.5: the running amplitude is 2.0 */
} ictus_rhythm;

/* Take an R peak that was announced, by its sample number. Peaks come in time order. */
static inline void ictus_rhythm_add_peak(ictus_rhythm *r, uint32_t peak)
{
    const uint32_t at = peak - r->first_block * (2u * ICTUS_RHYTHM_BLOCK);
    const uint32_t room = at < 2u * ICTUS_RHYTHM_STRIP ? ICTUS_RHYTHM_MAX_PEAKS
                                                       : ICTUS_RHYTHM_MAX_PEAKS + ICTUS_RHYTHM_NEXT_PEAKS;
    if (r->n_peaks < room)
        r->peak[r->n_peaks++] = (uint16_t)at;
}

/* Prepare for the first sample: open and attach the model. ICTUS_OTHER_INPUTS if its screen does not take the features
 * and its specialist the wave of a strip. */
ictus_status ictus_rhythm_init(ictus_rhythm *r, const uint8_t *model, size_t model_bytes, uint32_t *arena,
                               size_t arena_bytes);

/* Take a second of filtered signal, once all of it is there: b of sample t lies at ring[t % ring_size], t from 128
 * times the number of calls before; ring_size is a power of two. `rejected`: 1 if the gate rejected this second. */
void ictus_rhythm_end_block(ictus_rhythm *r, const int16_t *ring, uint32_t ring_size, uint32_t rejected);

/* Features of a strip, see `ictus.signals.rhythm_features`.
 *
 * wave      int8[ICTUS_RHYTHM_STRIP]
 * peak      uint16[n_peaks], ascending, samples of 128 Hz from the strip's start; the first MAX_PEAKS are looked at
 * features  int8[ICTUS_RHYTHM_FEATURES] */
void ictus_rhythm_features(const int8_t *wave, const uint16_t *peak, uint32_t n_peaks, int8_t *features);

#endif
