/* A computer as the board: int16 samples, little-endian, from the standard input; a line per event. */
#include <stdio.h>
#include <stdlib.h>

#include "port.h"

static int16_t next_word(void)
{
    unsigned char bytes[2];
    if (fread(bytes, 1, sizeof bytes, stdin) != sizeof bytes)
        exit(0);
    const int value = bytes[0] | bytes[1] << 8;
    return (int16_t)(value < 0x8000 ? value : value - 0x10000);
}

#if ICTUS_MODEL_SEIZURES

void next_samples(int16_t *samples)
{
    for (unsigned c = 0; c < CHANNELS; ++c)
        samples[c] = next_word();
}

void on_second(const ictus_seizure_second *second)
{
    printf("second %lu, reached %d, screen %d, specialist %d, alarm %d\n", (unsigned long)second->number,
           second->reached, second->screen_logit, second->specialist_logit, second->is_on);
}

#else

int16_t next_sample(void)
{
    return next_word();
}

#if ICTUS_MODEL_STREAMS

void on_rhythm(const ictus_rhythm_event *event)
{
    printf("second %lu, reached %d, rhythm %d\n", (unsigned long)event->first_block, event->reached, event->label);
}

#else

void on_beat(const ictus_event *event)
{
    printf("sample %lu, reached %d, class %d\n", (unsigned long)event->peak, event->reached, event->label);
}

#endif
#endif
