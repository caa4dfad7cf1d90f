/*
 * The preparation of evaluated images, as columns and as text. This is the only place where its properties are named:
 * study results, eval results, printed tables and the page all use it.
 */
#include <stdio.h>
#include <string.h>

#include "reshift/image_facts.h"

static int merged(int a, int b) { return a == b ? a : RESHIFT_FACT_MIXED; }

reshift_image_facts reshift_image_facts_merge(const reshift_image_facts *a, const reshift_image_facts *b)
{
    reshift_image_facts f = a->corrupted || !b->corrupted ? *a : *b;
    f.input_size = merged(a->input_size, b->input_size);
    f.resize = merged(a->resize, b->resize);
    if (a->corrupted && b->corrupted) {
        f.constants = merged(a->constants, b->constants);
        f.crop_resize = merged(a->crop_resize, b->crop_resize);
        f.crop = merged(a->crop, b->crop);
        f.jpeg = merged(a->jpeg, b->jpeg);
    }
    return f;
}

const char *reshift_image_facts_input(const reshift_image_facts *f, char *text, size_t size)
{
    int n = snprintf(text, size, "%dx%d", f->input_size, f->input_size);
    if (f->resize > 0 && n > 0 && (size_t)n < size) {
        snprintf(text + n, size - (size_t)n, " (resize %d, centre crop)", f->resize);
    } else if (f->resize == RESHIFT_FACT_MIXED && n > 0 && (size_t)n < size) {
        snprintf(text + n, size - (size_t)n, " (photographs resized and centre-cropped, crops only scaled)");
    }
    return text;
}

enum { SIDE_MOST = 1 << 20 };

static const char *const constant_names[] = {"auto", "cifar", "imagenet"};

const char *reshift_image_facts_corruption(const reshift_image_facts *f, char *text, size_t size)
{
    char made[64] = "", at[64] = "", end[80] = "";
    *text = '\0';
    if (!f->corrupted) {
        return text;
    }
    if (f->constants != RESHIFT_CONSTANTS_AUTO) {
        snprintf(made, sizeof made, "%s",
                 f->constants == RESHIFT_CONSTANTS_CIFAR      ? "constants of CIFAR-10-C (32x32)"
                 : f->constants == RESHIFT_CONSTANTS_IMAGENET ? "constants of ImageNet-C (224x224)"
                                                              : "constants that differ by corruption");
    }
    if (f->crop > 0) {
        snprintf(at, sizeof at, ", after resize %d and crop %d", f->crop_resize, f->crop);
    } else if (made[0] && f->resize != 0) {
        snprintf(at, sizeof at, ", at the photographs' own size");
    }
    if (f->jpeg > 0) {
        snprintf(end, sizeof end, "%sstored as JPEG of quality %d, as ImageNet-C is", made[0] ? "; " : "", f->jpeg);
    } else if (f->jpeg == RESHIFT_FACT_MIXED || f->jpeg == RESHIFT_JPEG_MIXED) {
        snprintf(end, sizeof end, "%ssome corruptions stored as JPEG, others not", made[0] ? "; " : "");
    }
    snprintf(text, size, "%s%s%s", made, at, end);
    return text;
}

/* A number that applies if it is positive, or 0 if `zero` is set. */
static reshift_image_fact number_fact(const char *name, int value, bool zero)
{
    return value == RESHIFT_FACT_MIXED || value == RESHIFT_JPEG_MIXED
               ? (reshift_image_fact){name, "mixed", -1}
               : (reshift_image_fact){name, NULL, value > 0 || (zero && value == 0) ? value : -1};
}

void reshift_image_facts_list(const reshift_image_facts *f, reshift_image_fact list[RESHIFT_IMAGE_FACTS])
{
    const bool is_named = f->corrupted && f->constants > RESHIFT_CONSTANTS_AUTO;
    list[0] = number_fact("input_size", f->input_size, false);
    list[1] = number_fact("resize", f->resize, false);
    list[2] = (reshift_image_fact){"constants",
                                   is_named                                             ? constant_names[f->constants]
                                   : f->corrupted && f->constants == RESHIFT_FACT_MIXED ? "mixed"
                                                                                        : NULL,
                                   -1};
    list[3] = number_fact("corrupt_resize", f->corrupted ? f->crop_resize : 0, false);
    list[4] = number_fact("corrupt_crop", f->corrupted ? f->crop : 0, false);
    list[5] =
        f->corrupted ? number_fact("jpeg_quality", f->jpeg, true) : (reshift_image_fact){"jpeg_quality", NULL, -1};
}

bool reshift_image_facts_set(reshift_image_facts *f, const char *name, const char *word, int64_t number)
{
    const struct {
        const char *name;
        int *value;
        int highest;
    } numbers[] = {{"input_size", &f->input_size, SIDE_MOST},
                   {"resize", &f->resize, SIDE_MOST},
                   {"corrupt_resize", &f->crop_resize, SIDE_MOST},
                   {"corrupt_crop", &f->crop, SIDE_MOST},
                   {"jpeg_quality", &f->jpeg, 100}};
    const bool is_mixed = word && strcmp(word, "mixed") == 0;
    if (strcmp(name, "constants") == 0) {
        f->constants = is_mixed ? RESHIFT_FACT_MIXED : RESHIFT_CONSTANTS_AUTO;
        for (int k = 1; word && k < 3; k++) {
            f->constants = strcmp(word, constant_names[k]) == 0 ? k : f->constants;
        }
        f->corrupted |= f->constants != RESHIFT_CONSTANTS_AUTO;
        return f->constants != RESHIFT_CONSTANTS_AUTO;
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(name, numbers[i].name) == 0 &&
            (is_mixed || (!word && number >= 0 && number <= numbers[i].highest))) {
            *numbers[i].value = is_mixed ? RESHIFT_FACT_MIXED : (int)number;
            f->corrupted |= i >= 2;
            return true;
        }
    }
    return false;
}
