"""Writes noise.h: md5 of what the oracle makes of pattern images with the shared draws (draws.py).

Made with Python 3.11, NumPy 1.24.2, SciPy 1.10.1, scikit-image 0.19.3:
    python3 make_noise.py > noise.h
"""
import hashlib
import os
import sys
import numpy as np
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '../../imaging/golden')]
import oracle_noise  # noqa: E402
from draws import draw_normals, draw_uniforms, draw_words  # noqa: E402
from pattern import pattern_image  # noqa: E402

IMAGES = [('cifar', 32, 32, 1), ('imagenet', 40, 56, 0), ('imagenet', 224, 224, 2), ('imagenet', 375, 500, 3)]


def draws_for(name, image, severity, constants):
    shape, seed = image.shape, severity
    if name in ('gaussian_noise', 'speckle_noise'):
        return draw_normals(image.size, seed).reshape(shape)
    if name == 'shot_noise':
        return draw_uniforms(image.size, seed).reshape(shape)
    # ours makes both decisions with one word: below the probability it is hit, in the lower half of that it is salt
    words = draw_words(image.size, seed).reshape(shape)
    chance = np.uint32(oracle_noise.IMPULSE[constants][severity - 1] * 2 ** 32)
    return np.where(words < chance, 0, 1), np.where(words < chance // np.uint32(2), 0, 1)


print('/* Made by make_noise.py; do not edit. */')
print('typedef struct golden_noise { const char *name; reshift_constants constants; int height, width; unsigned seed; '
      'const char *md5[5]; } golden_noise;')
print('static const golden_noise golden_noises[] = {')
for name in ['gaussian_noise', 'shot_noise', 'impulse_noise', 'speckle_noise']:
    for constants, height, width, seed in IMAGES:
        image = pattern_image(height, width, seed)
        sums = []
        for severity in range(1, 6):
            result = getattr(oracle_noise, name)(image, severity, constants, draws_for(name, image, severity, constants))
            sums.append(hashlib.md5(result.tobytes()).hexdigest())
        print(f'    {{"{name}", RESHIFT_CONSTANTS_{constants.upper()}, {height}, {width}, {seed}, '
              '{"' + '", "'.join(sums) + '"}},')
print('};')
