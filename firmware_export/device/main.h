#ifndef MAIN_H
#define MAIN_H

#include "ictus.h"

#include "ictus_model_data.h"

extern ictus_device ictus_main_device;
#if ICTUS_MODEL_STREAMS
extern ictus_rhythm ictus_main_rhythm;
#endif

/* Prepare the one device with the model in flash. */
ictus_status ictus_main_init(void);

/* Never returns unless the model is refused. */
void ictus_main(void);

#endif
