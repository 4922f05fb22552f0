/* Seizures in EEG of 1 to 23 channels, a decision every second; equal to the Python of `ictus.models.seizure_cascade`
 * bit for bit.
 *
 *     static ictus_seizure seizure;
 *     static ictus_eeg_channel channels[4];
 *     static uint32_t arena[ICTUS_ARENA_BYTES / 4];
 *     ictus_seizure_init(&seizure, channels, 4, model, model_bytes, arena, sizeof arena);
 *     for each sample of the front end, int16[4] at 256 Hz and 0.25 uV a count:
 *         if (ictus_eeg_push_sample(&seizure, sample))
 *             use(&seizure.second);
 *
 * Every channel has its own filter, baseline and features (ictus_eeg.h), and all share one model. The gate judges
 * each second of each channel. The screen looks at the latest 4 s of those channels of which enough is analysable,
 * and if it does not find them quiet, so does the specialist, one channel after the other in the one arena. What
 * decides is the mean of the upper half of the channels' logits, the middle one included. Alarms follow from the seconds
 * that the specialist gives a logit of at least 0, since its last bias holds the threshold (ictus_eeg_events.h).
 */
#ifndef ICTUS_SEIZURE_H
#define ICTUS_SEIZURE_H

#include "ictus_eeg.h"
#include "ictus_eeg_events.h"
#include "ictus_model.h"

enum {
    ICTUS_EEG_MAX_CHANNELS = 23,
    ICTUS_EEG_FIRST_DECISION_S = 4, /* the window of 4 s without the second in which the filter starts */
    ICTUS_EEG_MAX_REJECTED_S = 1,   /* of a window; a channel with more is not analysed */
    ICTUS_EEG_NO_SCORE = -128
};

/* The stage that decided a second. */
typedef enum {
    ICTUS_SECOND_AT_GATE = 0, /* no channel was analysable */
    ICTUS_SECOND_AT_SCREEN = 1,
    ICTUS_SECOND_AT_SPECIALIST = 2
} ictus_second_exit;

typedef struct {
    uint32_t number;         /* of the second, from 0 */
    uint32_t rejected;       /* bit c: the gate rejected this second of channel c */
    uint32_t analysable;     /* bit c: the latest 4 s of channel c were analysed */
    uint8_t reached;         /* ictus_second_exit */
    int8_t screen_logit;     /* pooled, Q4.3; ICTUS_EEG_NO_SCORE if no channel was analysable */
    int8_t specialist_logit; /* pooled, Q4.3; ICTUS_EEG_NO_SCORE unless it ran */
    uint8_t is_on;           /* 1 while the alarm stands */
    uint8_t began;           /* 0, or if a new alarm begins with this second: as `ictus_event_push` */
    uint8_t unused[3];
} ictus_seizure_second;

/* How often each part ran. */
typedef struct {
    uint32_t seconds;
    uint32_t rejected;   /* channel-seconds */
    uint32_t screened;   /* seconds */
    uint32_t specialist; /* seconds */
} ictus_seizure_counts;

typedef struct {
    ictus_model model;
    ictus_eeg_channel *channel; /* [n_channels], lent */
    ictus_seizure_counts counts;
    ictus_seizure_second second; /* the latest one */
    ictus_event_tracker tracker;
    uint8_t n_channels;          /* 1..ICTUS_EEG_MAX_CHANNELS */
} ictus_seizure;

/* Prepare for the first sample. `channels` is lent, [n_channels]; `model` stays in place; `arena` is lent, and one
 * with more than the model needs lets it run faster (ictus_stream.h).
 * ICTUS_OTHER_INPUTS if there is no channel or more than ICTUS_EEG_MAX_CHANNELS, or if the model is not gate, screen
 * and specialist for the features and windows here. */
ictus_status ictus_seizure_init(ictus_seizure *s, ictus_eeg_channel *channels, uint32_t n_channels,
                                const uint8_t *model, size_t model_bytes, uint32_t *arena, size_t arena_bytes);

/* Take a sample of every channel, any int16[n_channels]. Returns 1 if it ends a second, which is then in `second`,
 * otherwise 0. All stages of a second run within the call that ends it. */
int ictus_eeg_push_sample(ictus_seizure *s, const int16_t *sample);

#endif
