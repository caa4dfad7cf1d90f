"""Writes digital.h: md5 of what the oracle's digital corruptions and brightness make of pattern images.

Made with Python 3.11, NumPy 1.24.2, scikit-image 0.19.3, Pillow 9.4.0 (libjpeg-turbo 2.1.5):
    python3 make_digital.py > digital.h
"""
import hashlib
import os
import sys
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '../../imaging/golden')]
import oracle_digital  # noqa: E402
from pattern import pattern_image  # noqa: E402

IMAGES = [('cifar', 32, 32, 0), ('cifar', 32, 32, 1), ('cifar', 5, 2, 4), ('cifar', 33, 20, 0), ('cifar', 47, 61, 2),
          ('imagenet', 224, 224, 0), ('imagenet', 224, 224, 1), ('imagenet', 9, 13, 5), ('imagenet', 50, 131, 0),
          ('imagenet', 375, 500, 3), ('cifar', 64, 64, 3)]

print('/* Made by make_digital.py; do not edit. */')
print('typedef struct golden_digital { const char *name; reshift_constants constants; int height, width; unsigned seed; '
      'const char *md5[5]; } golden_digital;')
print('static const golden_digital golden_digitals[] = {')
for name in ['contrast', 'brightness', 'saturate', 'pixelate', 'jpeg_compression']:
    for constants, height, width, seed in IMAGES:
        image = pattern_image(height, width, seed)
        sums = [hashlib.md5(getattr(oracle_digital, name)(image, severity, constants).tobytes()).hexdigest()
                for severity in range(1, 6)]
        print(f'    {{"{name}", RESHIFT_CONSTANTS_{constants.upper()}, {height}, {width}, {seed}, '
              '{"' + '", "'.join(sums) + '"}},')
print('};')
