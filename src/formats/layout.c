/* Copies strided arrays by counting through all but the last dimension; converts single elements to numbers. */
#include "formats/layout.h"

#include <math.h>
#include <string.h>

void layout_strides(int n_dims, const int64_t *shape, bool fortran_order, int64_t *stride)
{
    int64_t step = 1;
    for (int i = 0; i < n_dims; i++) {
        int d = fortran_order ? i : n_dims - 1 - i;
        stride[d] = step;
        step *= shape[d];
    }
}

bool layout_is_dense(int n_dims, const int64_t *shape, const int64_t *stride)
{
    int64_t step = 1;
    for (int d = n_dims - 1; d >= 0; d--) {
        if (shape[d] == 0) {
            return true;
        }
        if (shape[d] != 1 && stride[d] != step) {
            return false;
        }
        step *= shape[d];
    }
    return true;
}

static void copy_row(size_t size, int64_t count, int64_t stride, bool swap, const uint8_t *from, uint8_t *to)
{
    if (stride == 1 && !swap) {
        memcpy(to, from, (size_t)count * size);
        return;
    }
    for (int64_t i = 0; i < count; i++, to += size) {
        const uint8_t *element = from + i * stride * (int64_t)size;
        for (size_t b = 0; b < size; b++) {
            to[b] = element[swap ? size - 1 - b : b];
        }
    }
}

void layout_copy(size_t size, int n_dims, const int64_t *shape, const int64_t *stride, bool swap, const uint8_t *from,
                 uint8_t *to)
{
    for (int d = 0; d < n_dims; d++) {
        if (shape[d] == 0) {
            return;
        }
    }
    int last = n_dims - 1;
    int64_t row = n_dims > 0 ? shape[last] : 1, row_stride = n_dims > 0 ? stride[last] : 1, at[RESHIFT_MAX_DIMS] = {0};
    for (;;) {
        copy_row(size, row, row_stride, swap, from, to);
        to += (size_t)row * size;
        int d = last - 1;
        for (; d >= 0; d--) {
            from += stride[d] * (int64_t)size;
            if (++at[d] < shape[d]) {
                break;
            }
            from -= stride[d] * shape[d] * (int64_t)size;
            at[d] = 0;
        }
        if (d < 0) {
            return;
        }
    }
}

static double half_number(uint16_t half)
{
    int exponent = half >> 10 & 31, fraction = half & 1023;
    double size = exponent == 31  ? (fraction ? (double)NAN : (double)INFINITY)
                  : exponent == 0 ? ldexp(fraction, -24)
                                  : ldexp(1024 + fraction, exponent - 25);
    return half & 0x8000 ? -size : size;
}

double layout_number(reshift_dtype dtype, const uint8_t *element)
{
    uint64_t bits = 0;
    memcpy(&bits, element, reshift_dtype_size(dtype)); /* little-endian is assumed everywhere */
    uint32_t low = (uint32_t)bits;
    float single;
    double number;
    switch (dtype) {
    case RESHIFT_I8: return (int8_t)bits;
    case RESHIFT_I16: return (int16_t)bits;
    case RESHIFT_I32: return (int32_t)low;
    case RESHIFT_I64: return (double)(int64_t)bits;
    case RESHIFT_F16: return half_number((uint16_t)bits);
    case RESHIFT_BF16:
        low <<= 16;
        memcpy(&single, &low, sizeof single);
        return (double)single;
    case RESHIFT_F32: memcpy(&single, &low, sizeof single); return (double)single;
    case RESHIFT_F64: memcpy(&number, &bits, sizeof number); return number;
    default: return (double)bits; /* unsigned, bool */
    }
}
