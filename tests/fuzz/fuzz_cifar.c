/*
 * CIFAR-10's parts. The binary layout has one right size, 30.7 MB, so the input is a list of changes to a right part:
 * place (4 bytes) and value, and at its end how many bytes the part is short. Input that begins as a pickle is read as
 * one.
 */
#include "fuzz.h"

#include "datasets/cifar/cifar_parts.h"

static uint8_t records[CIFAR_PART_RECORDS * CIFAR_RECORD]; /* zeros: labels 0, black images */

static size_t place_of(const uint8_t *change)
{
    uint32_t place;
    memcpy(&place, change, sizeof place);
    /* every second change hits a label, which random places would not */
    return place & 1 ? place % sizeof records : place / 2 % CIFAR_PART_RECORDS * CIFAR_RECORD;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    reshift_error error;
    cifar_part *part = calloc(1, sizeof *part);
    bool is_pickle = size > 0 && bytes[0] == 0x80;
    size_t n_changes = size / 5, missing = size % 5;
    for (size_t i = 0; i < n_changes && !is_pickle; i++) {
        records[place_of(bytes + 5 * i)] = bytes[5 * i + 4];
    }
    blob *b = is_pickle ? blob_borrow(bytes, size) : blob_borrow(records, sizeof records - missing);
    reshift_status status =
        is_pickle ? cifar_part_read_pickle(b, "x", part, &error) : cifar_part_read_binary(b, "x", part, &error);
    must_explain(status, &error);
    if (status == RESHIFT_OK) {
        uint8_t rgb[CIFAR_PIXELS];
        for (int i = 0; i < CIFAR_PART_RECORDS; i += 1111) {
            must(part->labels[i] < CIFAR_CLASSES);
            cifar_part_pixels(part, i, rgb);
            touch(rgb, sizeof rgb);
        }
    }
    for (size_t i = 0; i < n_changes && !is_pickle; i++) {
        records[place_of(bytes + 5 * i)] = 0;
    }
    cifar_part_destroy(part);
    free(part);
    blob_drop(&b);
    return 0;
}
