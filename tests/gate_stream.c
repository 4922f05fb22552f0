/* Reads int16 samples from stdin; writes the int8 features of every second. */
#include <stdio.h>

#include "ictus_gate.h"

int main(void)
{
    static ictus_filter filter;
    static ictus_gate gate;
    int8_t features[ICTUS_GATE_FEATURES];
    int16_t x = 0;
    uint32_t n = 0;
    ictus_filter_init(&filter);
    ictus_gate_init(&gate);
    while (fread(&x, sizeof x, 1, stdin) == 1) {
        (void)ictus_filter_push(&filter, x);
        if (++n % ICTUS_GATE_PIECE == 0 && ictus_gate_push(&gate, &filter, features) &&
            fwrite(features, sizeof features, 1, stdout) != 1) {
            return 1;
        }
    }
    return 0;
}
