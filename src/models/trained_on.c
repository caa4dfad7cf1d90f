#include "models/trained_on.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "models/metadata.h"
#include "reshift/model.h"

static const char name[] = "trained_on";
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Byte `at` of the numbers, each little-endian; 0 behind the last. */
static uint32_t byte_at(const reshift_fingerprints *prints, size_t at)
{
    size_t number = at / 8;
    return number < (size_t)prints->n ? (uint32_t)(prints->values[number] >> (8 * (at % 8)) & 255) : 0;
}

reshift_status reshift_tensors_set_trained_on(reshift_tensors *tensors, const reshift_fingerprints *prints,
                                              reshift_error *error)
{
    size_t bytes = (size_t)prints->n * 8, groups = (bytes + 2) / 3;
    char *text = memory_allocate(groups * 4 + 1);
    if (!text) {
        return error_memory(error, groups * 4, "fingerprints of images");
    }
    for (size_t g = 0; g < groups; g++) {
        uint32_t word = byte_at(prints, 3 * g) << 16 | byte_at(prints, 3 * g + 1) << 8 | byte_at(prints, 3 * g + 2);
        for (size_t i = 0; i < 4; i++) {
            text[4 * g + i] = 3 * g + i <= bytes ? letters[word >> (18 - 6 * i) & 63] : '=';
        }
    }
    reshift_status status = metadata_set(tensors, name, text, error);
    memory_free(text);
    return status;
}

static reshift_status no_base64(const metadata *m, size_t at, reshift_error *error)
{
    return error_set(error, RESHIFT_ERROR_FORMAT,
                     "metadata '%s': '%.40s%s' is no list of training images as reshift writes it (character %zu)",
                     m->key, m->text, strlen(m->text) > 40 ? "..." : "", at);
}

static reshift_status read_base64(const metadata *m, reshift_fingerprints *prints, reshift_error *error)
{
    const char *text = m->text;
    size_t length = strlen(text), padding = 0;
    while (padding < 2 && padding < length && text[length - 1 - padding] == '=') {
        padding++;
    }
    if (length % 4 != 0 || (length / 4 * 3 - padding) % 8 != 0) {
        return no_base64(m, length, error);
    }
    size_t n = (length / 4 * 3 - padding) / 8;
    uint64_t *values = memory_allocate(n * sizeof *values + 8);
    if (!values) {
        return error_memory(error, n * sizeof *values, "fingerprints of images");
    }
    reshift_status status = RESHIFT_OK;
    for (size_t g = 0; status == RESHIFT_OK && g < length / 4; g++) {
        uint32_t word = 0;
        for (size_t i = 0; i < 4; i++) {
            char c = text[4 * g + i];
            const char *letter = c ? strchr(letters, c) : NULL;
            bool pad = 4 * g + i >= length - padding;
            if (!letter && !pad) {
                status = no_base64(m, 4 * g + i, error);
                break;
            }
            word = word << 6 | (pad ? 0 : (uint32_t)(letter - letters));
        }
        for (size_t i = 0; i < 3; i++) {
            size_t at = 3 * g + i;
            if (at < 8 * n) {
                values[at / 8] |= (uint64_t)(word >> (16 - 8 * i) & 255) << (8 * (at % 8));
            }
        }
    }
    if (status == RESHIFT_OK) {
        status = reshift_fingerprints_add(prints, values, (int64_t)n, error);
    }
    memory_free(values);
    return status;
}

reshift_status trained_on_read(const reshift_tensors *tensors, reshift_fingerprints *prints, bool *known, notes *list,
                               reshift_error *error)
{
    const metadata m = metadata_find(tensors, name);
    bool ignored = false;
    *prints = (reshift_fingerprints){0};
    reshift_status status = m.text ? read_base64(&m, prints, error) : RESHIFT_OK;
    status = metadata_tolerate(&m, status, list, &ignored, error);
    *known = m.text && !ignored;
    return status;
}
