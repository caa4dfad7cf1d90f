"""Writes motion.h: md5 of pattern images blurred by ImageMagick, in colour and in grey (their green), at many angles.

Made with Python 3.11, Wand 0.6.11, ImageMagick 6.9.11-60 Q16 (no HDRI), OpenCV 4.6.0, Pillow 9.4.0:
    python3 make_motion.py > motion.h
"""
import hashlib
import os
import sys
import numpy as np
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '../../corruptions/golden')]
from oracle_blur import motion_layer  # noqa: E402
from pattern import pattern_image  # noqa: E402

CASES = [(32, 32, 1, 9, 2.5), (32, 32, 0, 6, 1), (13, 29, 2, 20, 15), (40, 7, 0, 12, 6), (1, 1, 3, 8, 4), (1, 25, 4, 12, 12),
         (25, 1, 5, 10, 4), (32, 32, 6, 1, .3)]
ANGLES = [0, 30, 45, 60, 90, 120, 135, 180, 225, 270, 315, -30, -45, -90, -135, 0.1, -0.1, 17.3, -52.7, -101.9, 400]


def md5(image, case, angle):
    return hashlib.md5(np.ascontiguousarray(motion_layer(image, *case[3:], angle)).tobytes()).hexdigest()


print('/* Made by make_motion.py; do not edit. */')
print('typedef struct golden_motion { int height, width; unsigned seed; double radius, sigma, angle; '
      'const char *colour, *grey; } golden_motion;')
print('static const golden_motion golden_motions[] = {')
for case in CASES:
    image = pattern_image(*case[:3])
    grey = np.ascontiguousarray(image[:, :, 1])
    for angle in ANGLES:
        print(f'    {{{", ".join(map(str, case))}, {angle}, "{md5(image, case, angle)}", "{md5(grey, case, angle)}"}},')
print('};')
