/* Reads int16 samples from stdin; writes for each three int32: filtered sample, announced, age of the R peak. */
#include <stdio.h>

#include "ictus_qrs.h"

int main(void)
{
    static ictus_filter filter;
    static ictus_qrs qrs;
    int16_t x = 0;
    ictus_filter_init(&filter);
    ictus_qrs_init(&qrs);
    while (fread(&x, sizeof x, 1, stdin) == 1) {
        int32_t row[3] = {0, 0, 0};
        row[0] = ictus_filter_push(&filter, x);
        row[1] = ictus_qrs_push(&qrs, &filter, &row[2]);
        if (fwrite(row, sizeof row, 1, stdout) != 1) {
            return 1;
        }
    }
    return 0;
}
