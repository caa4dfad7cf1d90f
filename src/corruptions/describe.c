/*
 * What each corruption does and how strongly, in words and numbers for people: what `reshift corrupt --list` prints.
 * The numbers are the published ones (Hendrycks & Dietterich 2019, make_cifar_c.py and make_imagenet_c.py); the
 * functions hold their own, in the form that they need.
 */
#include <stddef.h>

#include "reshift/corruption.h"

static const reshift_corruption_text texts[] = {
    /* gaussian_noise */
    {"normal noise added to every value",
     "standard deviation of 1",
     {"0.04", "0.06", "0.08", "0.09", "0.1"},
     {"0.08", "0.12", "0.18", "0.26", "0.38"}},
    /* shot_noise */
    {"every value is counted in photons: Poisson(x c) / c",
     "photons c of full brightness",
     {"500", "250", "100", "75", "50"},
     {"60", "25", "12", "5", "3"}},
    /* impulse_noise */
    {"salt and pepper: values that become 0 or 255",
     "share of the values",
     {"0.01", "0.02", "0.03", "0.05", "0.07"},
     {"0.03", "0.06", "0.09", "0.17", "0.27"}},
    /* defocus_blur */
    {"a disk, its edge smoothed",
     "radius, smoothing in pixels",
     {"0.3, 0.4", "0.4, 0.5", "0.5, 0.6", "1, 0.2", "1.5, 0.1"},
     {"3, 0.1", "4, 0.5", "6, 0.5", "8, 0.5", "10, 0.5"}},
    /* glass_blur */
    {"pixels moved about within a blur",
     "blur, farthest move in pixels, rounds",
     {"0.05, 1, 1", "0.25, 1, 1", "0.4, 1, 1", "0.25, 1, 2", "0.4, 1, 2"},
     {"0.7, 1, 2", "0.9, 2, 1", "1, 2, 3", "1.1, 3, 2", "1.5, 4, 2"}},
    /* motion_blur */
    {"a one-sided blur along a line of any angle from -45 to 45 degrees",
     "radius, sigma in pixels",
     {"6, 1", "6, 1.5", "6, 2", "8, 2", "9, 2.5"},
     {"10, 3", "15, 5", "15, 8", "15, 12", "20, 15"}},
    /* zoom_blur */
    {"the mean of ever closer views",
     "first, beyond the last, step of the zoom",
     {"1, 1.06, 0.01", "1, 1.11, 0.01", "1, 1.16, 0.01", "1, 1.21, 0.01", "1, 1.26, 0.01"},
     {"1, 1.11, 0.01", "1, 1.16, 0.01", "1, 1.21, 0.02", "1, 1.26, 0.02", "1, 1.31, 0.03"}},
    /* snow */
    {"a layer of flakes blown down, over a whitened picture",
     "mean, sd, zoom, threshold of the flakes, radius and sigma of their motion, share of the picture",
     {"0.1, 0.2, 1, 0.6, 8, 3, 0.95", "0.1, 0.2, 1, 0.5, 10, 4, 0.9", "0.15, 0.3, 1.75, 0.55, 10, 4, 0.9",
      "0.25, 0.3, 2.25, 0.6, 12, 6, 0.85", "0.3, 0.3, 1.25, 0.65, 14, 12, 0.8"},
     {"0.1, 0.3, 3, 0.5, 10, 4, 0.8", "0.2, 0.3, 2, 0.5, 12, 4, 0.7", "0.55, 0.3, 4, 0.9, 12, 8, 0.7",
      "0.55, 0.3, 4.5, 0.85, 12, 8, 0.65", "0.55, 0.3, 2.5, 0.85, 12, 12, 0.55"}},
    /* frost */
    {"a crop of a picture of ice laid over",
     "share of the picture, of the ice",
     {"1, 0.2", "1, 0.3", "0.9, 0.4", "0.85, 0.4", "0.75, 0.45"},
     {"1, 0.4", "0.8, 0.6", "0.7, 0.7", "0.65, 0.7", "0.6, 0.75"}},
    /* fog */
    {"a cloud of plasma fractal laid over",
     "share of the cloud, decay of its roughness",
     {"0.2, 3", "0.5, 3", "0.75, 2.5", "1, 2", "1.5, 1.75"},
     {"1.5, 2", "2, 2", "2.5, 1.7", "2.5, 1.5", "3, 1.4"}},
    /* brightness */
    {"value of HSV colour raised",
     "by, of 1",
     {"0.05", "0.1", "0.15", "0.2", "0.3"},
     {"0.1", "0.2", "0.3", "0.4", "0.5"}},
    /* contrast */
    {"values drawn towards the channel's mean",
     "share of the distance that is left",
     {"0.75", "0.5", "0.4", "0.3", "0.15"},
     {"0.4", "0.3", "0.2", "0.1", "0.05"}},
    /* elastic_transform */
    {"an affine map of three points, then smooth displacements",
     "strength, smoothness of the displacements, farthest move of the points; times 32 for CIFAR, 244 for ImageNet",
     {"0, 0, 0.08", "0.05, 0.2, 0.07", "0.08, 0.06, 0.06", "0.1, 0.04, 0.05", "0.1, 0.03, 0.03"},
     {"2, 0.7, 0.1", "2, 0.08, 0.2", "0.05, 0.01, 0.02", "0.07, 0.01, 0.02", "0.12, 0.01, 0.02"}},
    /* pixelate */
    {"shrunk and enlarged again by boxes",
     "share of the side",
     {"0.95", "0.9", "0.85", "0.75", "0.65"},
     {"0.6", "0.5", "0.4", "0.3", "0.25"}},
    /* jpeg_compression */
    {"saved as JPEG and read again", "quality", {"80", "65", "58", "50", "40"}, {"25", "18", "15", "10", "7"}},
    /* speckle_noise */
    {"normal noise in proportion to the value",
     "standard deviation of the factor",
     {"0.06", "0.1", "0.12", "0.16", "0.2"},
     {"0.15", "0.2", "0.35", "0.45", "0.6"}},
    /* gaussian_blur */
    {"a Gaussian filter", "sigma in pixels", {"0.4", "0.6", "0.7", "0.8", "1"}, {"1", "2", "3", "4", "6"}},
    /* spatter */
    {"drops of water, or splashes of mud from severity 4 on",
     "mean, sd, smoothing, threshold, strength of the layer, 1 for mud",
     {"0.62, 0.1, 0.7, 0.7, 0.5, 0", "0.65, 0.1, 0.8, 0.7, 0.5, 0", "0.65, 0.3, 1, 0.69, 0.5, 0",
      "0.65, 0.1, 0.7, 0.69, 0.6, 1", "0.65, 0.1, 0.5, 0.68, 0.6, 1"},
     {"0.65, 0.3, 4, 0.69, 0.6, 0", "0.65, 0.3, 3, 0.68, 0.6, 0", "0.65, 0.3, 2, 0.68, 0.5, 0",
      "0.65, 0.3, 1, 0.65, 1.5, 1", "0.67, 0.4, 1, 0.65, 1.5, 1"}},
    /* saturate */
    {"saturation of HSV colour changed",
     "factor, summand",
     {"0.3, 0", "0.1, 0", "1.5, 0", "2, 0.1", "2.5, 0.2"},
     {"0.3, 0", "0.1, 0", "2, 0", "5, 0.1", "20, 0.2"}},
};

const reshift_corruption_text *reshift_corruption_describe(const reshift_corruption *corruption)
{
    int count;
    const reshift_corruption *table = reshift_corruption_table(&count);
    for (int i = 0; i < count && i < (int)(sizeof texts / sizeof *texts); i++) {
        if (corruption == &table[i]) {
            return &texts[i];
        }
    }
    return NULL;
}
