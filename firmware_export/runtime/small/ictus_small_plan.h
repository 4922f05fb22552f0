/* How the bytes of the model are split: the exporter writes the one that fits. */
#ifndef ICTUS_SMALL_PLAN_H
#define ICTUS_SMALL_PLAN_H

#define ICTUS_SMALL_CODE_BITS 3 /* 3 for weights of at most 2^3, 4 for at most 2^7 */

#endif
