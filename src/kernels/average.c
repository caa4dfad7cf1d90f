/* Global averages: rows of channels are added up pixel by pixel. */
#include "kernels/average.h"

#include <string.h>

#include "kernels/bf16.h"
#include "kernels/kernels.h"

enum { CHANNELS_AT_ONCE = 512 };

RESHIFT_KERNEL(void, add_row_bf16, (float *restrict sum, const uint16_t *restrict row, int64_t n), (sum, row, n))
{
    for (int64_t c = 0; c < n; c++) {
        sum[c] += bf16_widen(row[c]);
    }
}

RESHIFT_KERNEL(void, add_row_u8, (int32_t *restrict sum, const uint8_t *restrict row, int64_t n), (sum, row, n))
{
    for (int64_t c = 0; c < n; c++) {
        sum[c] += row[c];
    }
}

RESHIFT_KERNEL(void, add_row_s8, (int32_t *restrict sum, const int8_t *restrict row, int64_t n), (sum, row, n))
{
    for (int64_t c = 0; c < n; c++) {
        sum[c] += row[c];
    }
}

void average_bf16(const uint16_t *x, int64_t n_images, int64_t area, int64_t channels, float *mean)
{
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < n_images; n++) {
        float *sum = mean + n * channels;
        memset(sum, 0, (size_t)channels * sizeof *sum);
        for (int64_t p = 0; p < area; p++) {
            add_row_bf16(sum, x + (n * area + p) * channels, channels);
        }
        for (int64_t c = 0; c < channels; c++) {
            sum[c] /= (float)area;
        }
    }
}

/* Of uint8 where u is not NULL, else of int8. */
static void average_bytes(const uint8_t *u, const int8_t *s, int64_t n_images, int64_t area, int64_t channels,
                          const float *unit, float *mean)
{
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < n_images; n++) {
        float *result = mean + n * channels;
        int32_t sum[CHANNELS_AT_ONCE];
        for (int64_t first = 0; first < channels; first += CHANNELS_AT_ONCE) {
            int64_t count = channels - first < CHANNELS_AT_ONCE ? channels - first : CHANNELS_AT_ONCE;
            memset(sum, 0, sizeof sum);
            for (int64_t p = 0; p < area; p++) {
                int64_t at = (n * area + p) * channels + first;
                if (u) {
                    add_row_u8(sum, u + at, count);
                } else {
                    add_row_s8(sum, s + at, count);
                }
            }
            for (int64_t c = 0; c < count; c++) {
                result[first + c] = (float)sum[c] * unit[first + c] / (float)area;
            }
        }
    }
}

void average_u8(const uint8_t *x, int64_t n_images, int64_t area, int64_t channels, const float *unit, float *mean)
{
    average_bytes(x, NULL, n_images, area, channels, unit, mean);
}

void average_s8(const int8_t *x, int64_t n_images, int64_t area, int64_t channels, const float *unit, float *mean)
{
    average_bytes(NULL, x, n_images, area, channels, unit, mean);
}

void average_backward_bf16(uint16_t *x, int64_t n_images, int64_t area, int64_t channels, const float *gradient)
{
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < n_images; n++) {
        uint16_t *first = x + n * area * channels;
        for (int64_t c = 0; c < channels; c++) {
            first[c] = bf16_narrow(gradient[n * channels + c] / (float)area);
        }
        for (int64_t p = 1; p < area; p++) {
            memcpy(first + p * channels, first, (size_t)channels * sizeof *first);
        }
    }
}
