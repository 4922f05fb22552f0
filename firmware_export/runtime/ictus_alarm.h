/* Alarm of ventricular fibrillation from the gate's features, once a second; equal to `ictus.models.AlarmModel` bit
 * for bit, where the rule and its limits are described.
 *
 *     static ictus_alarm alarm;
 *     ictus_add_alarm(&device, &alarm, &alarm_model);
 *     for each sample:
 *         ictus_push_sample(&device, sample);
 *         if (alarm.stands)
 *             sound_it();
 *
 * It takes the features that the gate has computed anyway, and does not ask what the gate made of them.
 */
#ifndef ICTUS_ALARM_H
#define ICTUS_ALARM_H

#include <stdint.h>

#include "ictus_gate.h"

#define ICTUS_ALARM_HIDDEN 8
#define ICTUS_ALARM_WINDOW 8u /* seconds, at most 16 */
#define ICTUS_ALARM_COUNT 6u  /* positive ones among them that raise the alarm */

typedef struct {
    int8_t hidden_weight[ICTUS_ALARM_HIDDEN][ICTUS_GATE_FEATURES]; /* 4 fraction bits */
    int16_t hidden_bias[ICTUS_ALARM_HIDDEN];                       /* 9 fraction bits */
    int8_t weight[ICTUS_ALARM_HIDDEN];                             /* 4 fraction bits */
    int32_t bias;                                                  /* 9 fraction bits, |bias| < 2^24 */
    int32_t threshold;                                             /* 9 fraction bits */
} ictus_alarm_model;

typedef struct {
    const ictus_alarm_model *model;
    uint16_t positive; /* bit k: the second k before the latest one was positive */
    uint8_t stands;    /* 1 while the alarm stands, as of the latest second that has ended */
} ictus_alarm;

/* Makes `alarm` ready for the first second; `model` stays in place. */
void ictus_alarm_init(ictus_alarm *alarm, const ictus_alarm_model *model);

/* Logit of a second, 9 fraction bits. */
int32_t ictus_alarm_logit(const ictus_alarm_model *model, const int8_t features[ICTUS_GATE_FEATURES]);

/* Takes the features of a second. */
void ictus_alarm_push(ictus_alarm *alarm, const int8_t features[ICTUS_GATE_FEATURES]);

#endif
