/* How learning rates go over a training: reshift_schedule_factor() in closed form, a unit at a time. */
#include <math.h>

#include "reshift/learning.h"

double reshift_schedule_factor(const reshift_schedule *schedule, int64_t t, int64_t n)
{
    const int64_t w = schedule->warmup;
    if (t < w) {
        return (double)(t + 1) / (double)(w + 1);
    }
    switch (schedule->kind) {
    case RESHIFT_SCHEDULE_STEP: return pow(schedule->gamma, (double)((t - w) / schedule->step_size));
    case RESHIFT_SCHEDULE_COSINE: return t < n ? (1 + cos(acos(-1) * (double)(t - w) / (double)(n - w))) / 2 : 0;
    default: return 1;
    }
}
