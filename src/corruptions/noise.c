/*
 * Noise corruptions. An image is processed in pieces whose random numbers fit the first-level cache. A piece is a whole
 * number of the random fields' groups, so that the numbers equal those of one field over the whole image. Values are
 * computed in float: if the exact result is within a hundred-thousandth of a whole grey level, the byte may differ by
 * one from float64's.
 */
#include "corruptions/noise.h"

#include <threads.h>

#include "corruptions/family.h"
#include "kernels/random_fill.h"
#include "kernels/vector.h"

enum { PIECE = 1024 };

RESHIFT_VECTOR(void, noise_gaussian_with,
               (const uint8_t *restrict input, size_t n, double sd, const float *restrict normals,
                uint8_t *restrict output),
               (input, n, sd, normals, output))
{
    float scale = (float)(sd * 255);
    for (size_t i = 0; i < n; i++) {
        float value = (float)(int)input[i] + scale * normals[i];
        value = value < 0 ? 0 : value;
        value = value > 255 ? 255 : value;
        output[i] = (uint8_t)(int)value;
    }
}

RESHIFT_VECTOR(void, noise_speckle_with,
               (const uint8_t *restrict input, size_t n, double sd, const float *restrict normals,
                uint8_t *restrict output),
               (input, n, sd, normals, output))
{
    float scale = (float)sd;
    for (size_t i = 0; i < n; i++) {
        float value = (float)(int)input[i];
        value = value + value * (scale * normals[i]);
        value = value < 0 ? 0 : value;
        value = value > 255 ? 255 : value;
        output[i] = (uint8_t)(int)value;
    }
}

RESHIFT_VECTOR(void, noise_impulse_with,
               (const uint8_t *restrict input, size_t n, double amount, const uint32_t *restrict words,
                uint8_t *restrict output),
               (input, n, amount, words, output))
{
    uint32_t hit = (uint32_t)(amount * 0x1p32), salt = hit / 2;
    for (size_t i = 0; i < n; i++) { /* masks instead of branches */
        uint32_t kept = words[i] >= hit ? 255 : 0, white = words[i] < salt ? 255 : 0;
        output[i] = (uint8_t)((input[i] & kept) | white);
    }
}

void noise_shot_with(const uint8_t *input, size_t n, const poisson_table *table, const uint32_t *words, uint8_t *output)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t x = input[i], word = words[i], start = table->starts[x][word >> 24];
        uint32_t outcome = start >> 24, inside = start & 0xffffffu;
        if (inside) {
            outcome += (word & 0xffffffu) > inside;
        } else {
            while (outcome < table->last[x] && word >= table->ends[x][outcome]) {
                outcome++;
            }
        }
        output[i] = table->bytes[outcome];
    }
}

/*
 * Tables for both sets of constants. Each is filled when its set is first used and never changes afterwards, so it
 * behaves like a constant.
 */
static poisson_table tables[2][5];
static once_flag tables_once[2] = {ONCE_FLAG_INIT, ONCE_FLAG_INIT};

static void fill_tables(int set)
{
    const reshift_corruption *shot_noise;
    if (reshift_corruption_find("shot_noise", &shot_noise, NULL) == RESHIFT_OK) {
        for (int i = 0; i < 5; i++) {
            poisson_table_fill(&tables[set][i], (int)(set ? shot_noise->imagenet : shot_noise->cifar)[i][0]);
        }
    }
}

static void fill_cifar(void) { fill_tables(0); }
static void fill_imagenet(void) { fill_tables(1); }

/* One piece of the image: position and number of its bytes. */
typedef struct piece {
    const uint8_t *input;
    uint8_t *output;
    size_t n, left;
} piece;

static piece first_piece(const corruption_call *call)
{
    size_t samples = 3 * (size_t)call->input->height * (size_t)call->input->width;
    return (piece){call->input->pixels, call->output->pixels, samples < PIECE ? samples : PIECE, samples};
}

static void next_piece(piece *p)
{
    p->input += p->n;
    p->output += p->n;
    p->left -= p->n;
    p->n = p->left < PIECE ? p->left : PIECE;
}

reshift_status corruption_gaussian_noise(const corruption_call *call, reshift_error *error)
{
    (void)error;
    double sd = call->constants[0];
    random_stream stream = corruption_stream(call);
    float normals[PIECE];
    for (piece p = first_piece(call); p.left; next_piece(&p)) {
        random_fill_gaussian(&stream, normals, p.n);
        noise_gaussian_with(p.input, p.n, sd, normals, p.output);
    }
    return RESHIFT_OK;
}

reshift_status corruption_speckle_noise(const corruption_call *call, reshift_error *error)
{
    (void)error;
    double sd = call->constants[0];
    random_stream stream = corruption_stream(call);
    float normals[PIECE];
    for (piece p = first_piece(call); p.left; next_piece(&p)) {
        random_fill_gaussian(&stream, normals, p.n);
        noise_speckle_with(p.input, p.n, sd, normals, p.output);
    }
    return RESHIFT_OK;
}

reshift_status corruption_impulse_noise(const corruption_call *call, reshift_error *error)
{
    (void)error;
    double amount = call->constants[0];
    random_stream stream = corruption_stream(call);
    uint32_t words[PIECE];
    for (piece p = first_piece(call); p.left; next_piece(&p)) {
        random_fill_u32(&stream, words, p.n);
        noise_impulse_with(p.input, p.n, amount, words, p.output);
    }
    return RESHIFT_OK;
}

reshift_status corruption_shot_noise(const corruption_call *call, reshift_error *error)
{
    (void)error;
    int set = call->set == RESHIFT_CONSTANTS_IMAGENET;
    call_once(&tables_once[set], set ? fill_imagenet : fill_cifar);
    random_stream stream = corruption_stream(call);
    uint32_t words[PIECE];
    for (piece p = first_piece(call); p.left; next_piece(&p)) {
        random_fill_u32(&stream, words, p.n);
        noise_shot_with(p.input, p.n, &tables[set][call->severity - 1], words, p.output);
    }
    return RESHIFT_OK;
}
