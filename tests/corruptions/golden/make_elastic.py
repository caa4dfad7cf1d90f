"""Writes elastic.h: md5 of what the oracle's elastic_transform makes of pattern images with the shared draws (draws.py).

Made with Python 3.11, NumPy 1.24.2, SciPy 1.10.1, scikit-image 0.19.3, OpenCV 4.6.0:
    python3 make_elastic.py > elastic.h
"""
import hashlib
import os
import sys
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '../../imaging/golden')]
import oracle_digital  # noqa: E402
from draws import draw_uniforms  # noqa: E402
from pattern import pattern_image  # noqa: E402

IMAGES = [('cifar', 32, 32, 0), ('cifar', 32, 32, 1), ('cifar', 3, 8, 2), ('cifar', 61, 40, 0), ('cifar', 64, 64, 3),
          ('imagenet', 224, 224, 0), ('imagenet', 50, 131, 0), ('imagenet', 20, 9, 1), ('imagenet', 375, 500, 2)]


def shared_draws(shape, severity, constants):
    height, width = shape[:2]
    uniforms = 2 * draw_uniforms(6 + 2 * height * width, severity) - 1
    fields = uniforms[6:].reshape(2, height, width)
    return uniforms[:6].reshape(3, 2) * oracle_digital.elastic_constants(shape, severity, constants)[2], *fields


print('/* Made by make_elastic.py; do not edit. */')
print('typedef struct golden_elastic { reshift_constants constants; int height, width; unsigned seed; '
      'const char *md5[5]; } golden_elastic;')
print('static const golden_elastic golden_elastics[] = {')
for constants, height, width, seed in IMAGES:
    image = pattern_image(height, width, seed)
    sums = [hashlib.md5(oracle_digital.elastic_transform(image, s, constants, shared_draws(image.shape, s, constants))
                        .tobytes()).hexdigest() for s in range(1, 6)]
    print(f'    {{RESHIFT_CONSTANTS_{constants.upper()}, {height}, {width}, {seed}, '
          '{"' + '", "'.join(sums) + '"}},')
print('};')
