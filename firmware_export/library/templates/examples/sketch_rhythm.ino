// The rhythm of every 32 seconds from an analogue front end on A0. Research use only.
// The signal must be 128 Hz with 5 uV a count: change GAIN to counts of 5 uV per step of your converter.
extern "C" {
#include <ictus.h>
#include <ictus_model_data.h>
}

static const long GAIN_NUMERATOR = 1, GAIN_DENOMINATOR = 1;
static ictus_device device;
static ictus_rhythm rhythm;
static uint32_t arena[ICTUS_ARENA_BYTES / 4];
static unsigned long next_us;

void setup()
{
    Serial.begin(115200);
    if (ictus_init(&device, ictus_model_data, ICTUS_MODEL_BYTES, arena, sizeof arena) != ICTUS_OK ||
        ictus_add_rhythm(&device, &rhythm, ictus_model_data, ICTUS_MODEL_BYTES, arena, sizeof arena) != ICTUS_OK)
        Serial.println("the model is refused");
    next_us = micros();
}

void loop()
{
    if ((long)(micros() - next_us) < 0)
        return;
    next_us += 7813; // 1/128 s, 6 parts in 100,000 too long
    (void)ictus_push_sample(&device, (int16_t)((analogRead(A0) - 512L) * GAIN_NUMERATOR / GAIN_DENOMINATOR));
    if (rhythm.decided) {
        Serial.print((unsigned long)rhythm.event.first_block);
        Serial.print(' ');
        Serial.println((long)rhythm.event.label);
    }
}
