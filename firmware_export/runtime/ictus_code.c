#include "ictus_code.h"

#include <stddef.h>

const ictus_code *const ictus_codes[] = {NULL};
