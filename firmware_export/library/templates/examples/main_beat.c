/* The whole integration: samples in, one event per heart beat out. port.h is the board. */
#include "ictus.h"
#include "ictus_model_data.h"
#include "port.h"

static ictus_device device;
static uint32_t arena[ICTUS_ARENA_BYTES / 4];

int main(void)
{
    if (ictus_init(&device, ictus_model_data, ICTUS_MODEL_BYTES, arena, sizeof arena) != ICTUS_OK)
        return 1;
    for (;;)
        for (int i = 0, n = ictus_push_sample(&device, next_sample()); i < n; ++i)
            on_beat(&device.event[i]);
}
