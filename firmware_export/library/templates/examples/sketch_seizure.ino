// A decision a second from one channel of EEG on A0. Research use only.
// The signal must be 256 Hz with 0.25 uV a count: change GAIN to counts of 0.25 uV per step of your converter.
extern "C" {
#include <ictus_model_data.h>
#include <ictus_seizure.h>
}

static const long GAIN_NUMERATOR = 1, GAIN_DENOMINATOR = 1;
static ictus_seizure seizure;
static ictus_eeg_channel channel[1];
static uint32_t arena[ICTUS_ARENA_BYTES / 4];
static unsigned long next_us;

void setup()
{
    Serial.begin(115200);
    if (ictus_seizure_init(&seizure, channel, 1, ictus_model_data, ICTUS_MODEL_BYTES, arena, sizeof arena) != ICTUS_OK)
        Serial.println("the model is refused");
    next_us = micros();
}

void loop()
{
    if ((long)(micros() - next_us) < 0)
        return;
    next_us += 3906; // 1/256 s, 6 parts in 100,000 too short
    const int16_t sample = (int16_t)((analogRead(A0) - 512L) * GAIN_NUMERATOR / GAIN_DENOMINATOR);
    if (ictus_eeg_push_sample(&seizure, &sample) && seizure.second.began) {
        Serial.print("alarm ");
        Serial.println((long)seizure.second.number);
    }
}
