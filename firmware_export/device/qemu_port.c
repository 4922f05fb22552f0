/* The front end and the radio of the exported example on a board of QEMU: samples from the file `in`, events to the
 * file `out` in words as the harnesses write them. */
#include "port.h"
#include "qemu_semihost.h"

enum { CHUNK = 128 };

static uint32_t in, out;

/* The next int16 of the input; the program ends with it. */
static int16_t next_word(void)
{
    static int16_t chunk[CHUNK];
    static uint32_t n, at;
    if (in == 0) {
        in = ictus_host_open("in", 0);
        out = ictus_host_open("out", 1);
    }
    if (at == n) {
        n = ictus_host_read(in, chunk, sizeof chunk) / (uint32_t)sizeof chunk[0];
        at = 0;
    }
    if (n == 0)
        ictus_host_done();
    return chunk[at++];
}

#if ICTUS_MODEL_SEIZURES

void next_samples(int16_t *samples)
{
    for (unsigned c = 0; c < CHANNELS; ++c)
        samples[c] = next_word();
}

void on_second(const ictus_seizure_second *second)
{
    const int32_t words[] = {(int32_t)second->number,  (int32_t)second->rejected, (int32_t)second->analysable,
                             second->reached,          second->screen_logit,      second->specialist_logit,
                             second->is_on,            second->began};
    ictus_host_write(out, words, sizeof words);
}

#else

int16_t next_sample(void)
{
    return next_word();
}

#if ICTUS_MODEL_STREAMS

void on_rhythm(const ictus_rhythm_event *event)
{
    int32_t words[5 + ICTUS_RHYTHM_CLASSES] = {(int32_t)event->first_block, event->reached, event->label,
                                               event->n_analysable, event->screen_logit};
    for (unsigned i = 0; i < ICTUS_RHYTHM_CLASSES; ++i)
        words[5 + i] = event->class_logits[i];
    ictus_host_write(out, words, sizeof words);
}

#else

void on_beat(const ictus_event *event)
{
    int32_t words[4 + ICTUS_MAX_CLASSES] = {(int32_t)event->peak, event->reached, event->label, event->screen_logit};
    for (unsigned i = 0; i < ICTUS_MAX_CLASSES; ++i)
        words[4 + i] = event->class_logits[i];
    ictus_host_write(out, words, sizeof words);
}

#endif
#endif
