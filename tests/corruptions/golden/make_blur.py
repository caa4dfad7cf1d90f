"""Writes blur.h: md5 of what the published generator's blurs make of the pattern images, with draws of draws.py.

Made with Python 3.11, scikit-image 0.19.3, SciPy 1.10.1, NumPy 1.24.2, OpenCV 4.6.0, Wand 0.6.11 with ImageMagick
6.9.11-60 Q16, on a machine with AVX-512 (NumPy's exponential is another without: see src/corruptions/blur.c):
    python3 make_blur.py > blur.h
"""
import hashlib
import os
import sys
import numpy as np
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '../../imaging/golden')]
import oracle_blur  # noqa: E402
from draws import draw_uniforms, draw_words  # noqa: E402
from pattern import pattern_image  # noqa: E402

IMAGES = [('CIFAR', 32, 32, 0), ('CIFAR', 32, 32, 1), ('CIFAR', 1, 1, 2), ('CIFAR', 1, 7, 3), ('CIFAR', 5, 2, 4),
          ('CIFAR', 33, 20, 0), ('IMAGENET', 224, 224, 0), ('IMAGENET', 224, 224, 1), ('IMAGENET', 9, 13, 5),
          ('IMAGENET', 1, 1, 6), ('IMAGENET', 50, 31, 0), ('IMAGENET', 47, 33, 2),
          ('IMAGENET', 375, 500, 3), ('CIFAR', 64, 64, 3)]
NAMES = ['gaussian_blur', 'defocus_blur', 'zoom_blur', 'glass_blur', 'motion_blur']


def draws_for(name, constants, height, width, severity):
    """glass_blur: one word an offset, as even as 2^32 allows; motion_blur: an angle."""
    if name == 'glass_blur':
        _, delta, times = oracle_blur.GLASS[constants][severity - 1]
        words = draw_words(times * max(height - 2 * delta, 0) * max(width - 2 * delta, 0), severity)
        pairs = (words.astype(np.uint64) * np.uint64(4 * delta * delta) >> np.uint64(32)).astype(int)
        return np.stack([pairs % (2 * delta), pairs // (2 * delta)], axis=1) - delta
    return 90 * draw_uniforms(1, severity + height)[0] - 45 if name == 'motion_blur' else None


def md5s(name, constants, height, width, seed):
    image, function = pattern_image(height, width, seed), getattr(oracle_blur, name)
    results = [function(image, s, constants, draws=draws_for(name, constants, height, width, s)) for s in range(1, 6)]
    return '", "'.join(hashlib.md5(np.ascontiguousarray(r).tobytes()).hexdigest() for r in results)


print('/* Made by make_blur.py; do not edit. */')
print('typedef struct golden_blur { const char *name; reshift_constants constants; int height, width; unsigned seed; '
      'const char *md5[5]; } golden_blur;')
print('static const golden_blur golden_blurs[] = {')
for name in NAMES:
    for constants, h, w, seed in IMAGES:
        print(f'    {{"{name}", RESHIFT_CONSTANTS_{constants}, {h}, {w}, {seed}, '
              f'{{"{md5s(name, constants.lower(), h, w, seed)}"}}}},')
print('};')
print('/* An image of one value: the byte that comes out, by set, severity and value. */')
for name in ('gaussian_blur', 'defocus_blur', 'zoom_blur'):
    print(f'static const unsigned char golden_flat_{name}[2][5][256] = {{')
    for constants in ('cifar', 'imagenet'):
        print('    {')
        for severity in range(1, 6):
            row = [getattr(oracle_blur, name)(np.full((3, 3, 3), v, np.uint8), severity, constants)[1, 1, 0]
                   for v in range(256)]
            print('        {' + ', '.join(map(str, row)) + '},')
        print('    },')
    print('};')
