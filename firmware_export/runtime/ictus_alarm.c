#include "ictus_alarm.h"

#include "ictus.h"
#include "ictus_fixed.h"

void ictus_alarm_init(ictus_alarm *alarm, const ictus_alarm_model *model)
{
    alarm->model = model;
    alarm->positive = 0;
    alarm->stands = 0;
}

ictus_status ictus_add_alarm(ictus_device *device, ictus_alarm *alarm, const ictus_alarm_model *model)
{
    if (device == NULL || alarm == NULL || model == NULL)
        return ICTUS_NULL_ARGUMENT;
    ictus_alarm_init(alarm, model);
    device->alarm = alarm;
    device->push_alarm = ictus_alarm_push;
    return ICTUS_OK;
}

/* Rounded to 5 fraction bits; the sum stays below 2^19 + 2^15. */
static int32_t hidden_value(const int8_t weight[ICTUS_GATE_FEATURES], int32_t bias, const int8_t *features)
{
    int32_t sum = bias + 8;
    for (uint32_t i = 0; i < ICTUS_GATE_FEATURES; i++) {
        sum += weight[i] * features[i];
    }
    return ictus_clamp32(ictus_asr32(sum, 4), 0, INT8_MAX);
}

int32_t ictus_alarm_logit(const ictus_alarm_model *model, const int8_t features[ICTUS_GATE_FEATURES])
{
    int32_t logit = model->bias;
    for (uint32_t i = 0; i < ICTUS_ALARM_HIDDEN; i++) {
        logit += model->weight[i] * hidden_value(model->hidden_weight[i], model->hidden_bias[i], features);
    }
    return logit;
}

static uint32_t bits_of(uint32_t word)
{
    uint32_t n = 0;
    for (; word != 0; word &= word - 1u) {
        n++;
    }
    return n;
}

void ictus_alarm_push(ictus_alarm *alarm, const int8_t features[ICTUS_GATE_FEATURES])
{
    const uint32_t is_positive = ictus_alarm_logit(alarm->model, features) >= alarm->model->threshold;
    const uint32_t last = ((uint32_t)alarm->positive << 1 | is_positive) & ((1u << ICTUS_ALARM_WINDOW) - 1u);
    alarm->positive = (uint16_t)last;
    alarm->stands = bits_of(last) >= ICTUS_ALARM_COUNT;
}
