// One event per heart beat from an analogue front end on A0. Research use only.
// The signal must be 128 Hz with 5 uV a count: change GAIN to counts of 5 uV per step of your converter.
extern "C" {
#include <ictus.h>
#include <ictus_model_data.h>
}

static const long GAIN_NUMERATOR = 1, GAIN_DENOMINATOR = 1;
static ictus_device device;
static uint32_t arena[ICTUS_ARENA_BYTES / 4];
static unsigned long next_us;

void setup()
{
    Serial.begin(115200);
    if (ictus_init(&device, ictus_model_data, ICTUS_MODEL_BYTES, arena, sizeof arena) != ICTUS_OK)
        Serial.println("the model is refused");
    next_us = micros();
}

void loop()
{
    if ((long)(micros() - next_us) < 0)
        return;
    next_us += 7813; // 1/128 s, 6 parts in 100,000 too long
    const int16_t sample = (int16_t)((analogRead(A0) - 512L) * GAIN_NUMERATOR / GAIN_DENOMINATOR);
    for (int i = 0, n = ictus_push_sample(&device, sample); i < n; ++i) {
        Serial.print((unsigned long)device.event[i].peak);
        Serial.print(' ');
        Serial.println((long)device.event[i].label);
    }
}
