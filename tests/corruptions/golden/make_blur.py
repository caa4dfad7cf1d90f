"""Writes blur.h: md5 of what the published generator's gaussian_blur makes of the pattern images.

Made with Python 3.11, scikit-image 0.19.3, SciPy 1.10.1, NumPy 1.24.2 on a machine with AVX-512 (NumPy's exponential
is another without: see src/corruptions/blur.c):
    python3 make_blur.py > blur.h
"""
import hashlib
import os
import sys
import numpy as np
from skimage.filters import gaussian
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../imaging/golden'))
from pattern import pattern_image

SIGMAS = {'CIFAR': [.4, .6, .7, .8, 1], 'IMAGENET': [1, 2, 3, 4, 6]}
IMAGES = [('CIFAR', 32, 32, 0), ('CIFAR', 32, 32, 1), ('CIFAR', 1, 1, 2), ('CIFAR', 1, 7, 3), ('CIFAR', 5, 2, 4),
          ('CIFAR', 33, 20, 0), ('IMAGENET', 224, 224, 0), ('IMAGENET', 224, 224, 1), ('IMAGENET', 9, 13, 5),
          ('IMAGENET', 1, 1, 6), ('IMAGENET', 50, 31, 0)]


def constant_image(height, width, value):
    return np.full((height, width, 3), value, np.uint8)


def gaussian_blur(image, sigma):
    x = gaussian(np.array(image) / 255., sigma=sigma, channel_axis=-1)
    return np.uint8(np.clip(x, 0, 1) * 255)


def md5(image, sigmas):
    return '", "'.join(hashlib.md5(gaussian_blur(image, s).tobytes()).hexdigest() for s in sigmas)


print('/* Made by make_blur.py; do not edit. */')
print('typedef struct golden_blur { reshift_constants constants; int height, width; unsigned seed; '
      'const char *md5[5]; } golden_blur;')
print('static const golden_blur golden_blurs[] = {')
for name, h, w, seed in IMAGES:
    print(f'    {{RESHIFT_CONSTANTS_{name}, {h}, {w}, {seed}, {{"{md5(pattern_image(h, w, seed), SIGMAS[name])}"}}}},')
print('};')
print('/* An image of one value: the byte that comes out, by set, severity and value. */')
print('static const unsigned char golden_flat[2][5][256] = {')
for name in SIGMAS:
    print('    {')
    for sigma in SIGMAS[name]:
        row = [gaussian_blur(constant_image(3, 3, v), sigma)[1, 1, 0] for v in range(256)]
        print('        {' + ', '.join(map(str, row)) + '},')
    print('    },')
print('};')
