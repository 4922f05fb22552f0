#ifndef MAIN_H
#define MAIN_H

#include "ictus.h"

extern ictus_device ictus_main_device;

/* Prepare the one device with the model in flash. */
ictus_status ictus_main_init(void);

/* Never returns unless the model is refused. */
void ictus_main(void);

#endif
