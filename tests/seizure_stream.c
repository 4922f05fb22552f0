/* Reads a model's file, then from stdin a number of channels and int16 samples of all of them in turn; writes every
 * second as it is in memory. All memory is of exactly the stated sizes. Meant for -fsanitize=address,undefined. */
#include <stdio.h>
#include <stdlib.h>

#include "ictus_seizure.h"

static uint8_t *read_file(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        exit(2);
    *n = (size_t)ftell(file);
    uint8_t *bytes = malloc(*n);
    rewind(file);
    if (bytes == NULL || fread(bytes, 1, *n, file) != *n)
        exit(2);
    fclose(file);
    return bytes;
}

int main(int argc, char **argv)
{
    ictus_model model;
    uint32_t n_channels = 0;
    size_t n = 0;
    if (argc != 2 || fread(&n_channels, sizeof n_channels, 1, stdin) != 1)
        return 2;
    uint8_t *bytes = read_file(argv[1], &n);
    if (ictus_model_open(bytes, n, &model) != ICTUS_OK)
        return 3;
    ictus_seizure *seizure = malloc(sizeof *seizure);
    ictus_eeg_channel *channels = malloc(n_channels * sizeof *channels);
    uint32_t *arena = malloc(model.arena_bytes);
    int16_t *sample = malloc(n_channels * sizeof *sample);
    if (ictus_seizure_init(seizure, channels, n_channels, bytes, n, arena, model.arena_bytes) != ICTUS_OK)
        return 4;
    while (fread(sample, sizeof *sample, n_channels, stdin) == n_channels)
        if (ictus_eeg_push_sample(seizure, sample))
            fwrite(&seizure->second, sizeof seizure->second, 1, stdout);
    free(sample);
    free(arena);
    free(channels);
    free(seizure);
    free(bytes);
    return 0;
}
