#ifndef MAIN_H
#define MAIN_H

#include "ictus_model_data.h"

#if ICTUS_MODEL_SEIZURES

#include "ictus_seizure.h"

enum { ICTUS_MAIN_CHANNELS = 4 }; /* at most */
extern ictus_seizure ictus_main_seizure;

/* Prepare the one device for fewer channels. */
ictus_status ictus_main_open(uint32_t n_channels);

#else

#include "ictus.h"

extern ictus_device ictus_main_device;
#if ICTUS_MODEL_STREAMS
extern ictus_rhythm ictus_main_rhythm;
#endif

#endif

/* Prepare the one device with the model in flash. */
ictus_status ictus_main_init(void);

/* Never returns unless the model is refused. */
void ictus_main(void);

#endif
