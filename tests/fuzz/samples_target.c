/* libFuzzer's way into the sample interface: any int16 stream into the whole device of each task. Everything that the
 * device is lent lies in a block of exactly its size, so that the address sanitizer sees a step beside it.
 *
 * Byte 0 chooses the model of fuzz_models.h, byte 1 how often the stream is played, bytes 2 and 3 what is added to every
 * sample after each time; the rest is the stream. */
#include <stdio.h>
#include <stdlib.h>

#include "ictus.h"
#include "ictus_seizure.h"

#include "fuzz_models.h"

enum { HEAD = 4, MOST_SAMPLES = 16384, MOST_CHANNELS = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

static uint32_t *arena_of(const fuzz_model *model, size_t *n_bytes)
{
    ictus_model opened;
    demand(ictus_model_open(model->bytes, model->n_bytes, &opened) == ICTUS_OK, "the model opens");
    *n_bytes = opened.arena_bytes;
    return malloc(*n_bytes);
}

/* A sample of the stream when it is played for the `round`th time. */
static int16_t sample_at(const uint8_t *data, size_t at, uint32_t round)
{
    const uint32_t drift = data[2] | (uint32_t)data[3] << 8;
    const uint32_t value = data[HEAD + 2 * at] | (uint32_t)data[HEAD + 2 * at + 1] << 8;
    return (int16_t)(uint16_t)(value + round * drift);
}

static void check_beats(const ictus_device *device, int n)
{
    demand(n >= 0 && n <= ICTUS_MAX_PENDING, "number of events");
    for (int i = 0; i < n; ++i) {
        const ictus_event *event = &device->event[i];
        demand(event->peak < device->n_samples, "a beat lies in the past");
        demand(event->reached <= ICTUS_AT_SPECIALIST, "stage of a beat");
        demand(event->label >= -1 && event->label < ICTUS_MAX_CLASSES, "class of a beat");
        demand((event->label == -1) == (event->reached == ICTUS_AT_GATE), "only a gated beat has no class");
    }
    demand(device->counts.dropped == 0, "no beat is dropped");
}

static void check_strip(const ictus_rhythm *rhythm)
{
    demand(rhythm->event.reached <= ICTUS_AT_SPECIALIST, "stage of a strip");
    demand(rhythm->event.label >= -1 && rhythm->event.label < ICTUS_RHYTHM_CLASSES, "rhythm of a strip");
    demand(rhythm->event.n_analysable <= ICTUS_RHYTHM_STRIP_BLOCKS, "seconds of a strip");
}

static void run_ecg(const fuzz_model *model, const uint8_t *data, size_t n, uint32_t n_rounds)
{
    size_t arena_bytes;
    uint32_t *arena = arena_of(model, &arena_bytes);
    ictus_device *device = malloc(sizeof *device);
    ictus_rhythm *rhythm = model->has_rhythm ? malloc(sizeof *rhythm) : NULL;
    demand(ictus_init(device, model->bytes, model->n_bytes, arena, arena_bytes) == ICTUS_OK, "ictus_init");
    if (rhythm != NULL)
        demand(ictus_add_rhythm(device, rhythm, model->bytes, model->n_bytes, arena, arena_bytes) == ICTUS_OK,
               "ictus_add_rhythm");
    for (uint32_t round = 0; round < n_rounds; ++round) {
        for (size_t at = 0; at < n; ++at) {
            check_beats(device, ictus_push_sample(device, sample_at(data, at, round)));
            if (rhythm != NULL && rhythm->decided)
                check_strip(rhythm);
        }
    }
    free(rhythm);
    free(device);
    free(arena);
}

static void run_eeg(const fuzz_model *model, const uint8_t *data, size_t n, uint32_t n_rounds)
{
    const uint32_t n_channels = 1 + data[1] % MOST_CHANNELS;
    size_t arena_bytes;
    uint32_t *arena = arena_of(model, &arena_bytes);
    ictus_seizure *seizure = malloc(sizeof *seizure);
    ictus_eeg_channel *channels = malloc(n_channels * sizeof *channels);
    int16_t *samples = malloc(n_channels * sizeof *samples);
    demand(ictus_seizure_init(seizure, channels, n_channels, model->bytes, model->n_bytes, arena, arena_bytes) == ICTUS_OK,
           "ictus_seizure_init");
    for (uint32_t round = 0; round < n_rounds; ++round) {
        for (size_t at = 0; at + n_channels <= n; at += n_channels) {
            for (uint32_t c = 0; c < n_channels; ++c)
                samples[c] = sample_at(data, at + c, round);
            if (ictus_eeg_push_sample(seizure, samples)) {
                demand(seizure->second.reached <= ICTUS_SECOND_AT_SPECIALIST, "stage of a second");
                demand(seizure->second.analysable >> n_channels == 0, "only channels that there are");
                demand(seizure->second.is_on <= 1, "an alarm stands or does not");
            }
        }
    }
    free(samples);
    free(channels);
    free(seizure);
    free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD + 2 * MOST_CHANNELS)
        return -1;
    const fuzz_model *model = &fuzz_models[data[0] % FUZZ_MODELS];
    const size_t n = (size - HEAD) / 2;
    const uint32_t most = (uint32_t)(MOST_SAMPLES / n) + 1u, wanted = 1u + data[1];
    const uint32_t n_rounds = wanted < most ? wanted : most;
    if (model->takes_eeg)
        run_eeg(model, data, n, n_rounds);
    else
        run_ecg(model, data, n, n_rounds);
    return 0;
}
