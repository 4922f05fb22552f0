/* What the example asks of a board. `port_stdin.c` is a computer; write your own for your front end and radio. */
#ifndef PORT_H
#define PORT_H

#include "ictus_model_data.h"

#if ICTUS_MODEL_SEIZURES

#include "ictus_seizure.h"

enum { CHANNELS = 4 }; /* 1 to ICTUS_EEG_MAX_CHANNELS */

/* Wait for a sample of every channel, int16[CHANNELS] at 256 Hz, 0.25 uV a count. */
void next_samples(int16_t *samples);

void on_second(const ictus_seizure_second *second);

#else

#include "ictus.h"

/* Wait for a sample at 128 Hz, 5 uV a count. */
int16_t next_sample(void);

#if ICTUS_MODEL_STREAMS
void on_rhythm(const ictus_rhythm_event *event);
#else
void on_beat(const ictus_event *event);
#endif

#endif
#endif
