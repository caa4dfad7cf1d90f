"""Writes warp.h: md5 of float32 images that OpenCV's warpAffine makes, and of displaced ones by SciPy.

Made with Python 3.11, NumPy 1.24.2, OpenCV 4.6.0, SciPy 1.10.1:
    python3 make_warp.py > warp.h
"""
import hashlib
import os
import sys
import cv2
import numpy as np
from scipy.ndimage import map_coordinates
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from pattern import pattern_image  # noqa: E402

MAPS = [[1, 0, 0, 0, 1, 0], [1, 0, .25, 0, 1, -3.5], [.9, .2, 1.7, -.15, 1.1, 2.3], [-1, 0, 30, 0, -1, 30],
        [3.7, .01, -50, .02, 2.9, -40], [.01, 0, 5, 0, .01, 7]]
SIZES = [(32, 32), (17, 40), (1, 9)]


def md5(image):
    return hashlib.md5(np.ascontiguousarray(image).tobytes()).hexdigest()


print('/* Made by make_warp.py; do not edit. */')
print('static const double golden_maps[%d][2][3] = {' % len(MAPS))
for m in MAPS:
    print('    {{%g, %g, %g}, {%g, %g, %g}},' % tuple(m))
print('};')
print('static const int golden_sizes[%d][2] = {%s};' % (len(SIZES), ', '.join('{%d, %d}' % s for s in SIZES)))
print('static const char *const golden_affine[%d][%d] = {' % (len(SIZES), len(MAPS)))
for height, width in SIZES:
    image = pattern_image(height, width, 1).astype(np.float32) / 255.
    sums = [md5(cv2.warpAffine(image, np.float64(m).reshape(2, 3), (width, height),
                               flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT_101))
            for m in MAPS]
    print('    {"' + '", "'.join(sums) + '"},')
print('};')
# Displacements of up to three times the size, to cover every mirroring; exact in float32.
print('static const char *const golden_displaced[%d] = {' % len(SIZES))
for height, width in SIZES:
    image = pattern_image(height, width, 2).astype(np.float32) / 255.
    i = np.arange(height * width).reshape(height, width)
    dx = ((i * 37 % 101 - 50) * (3 * width) / 64).astype(np.float32)
    dy = ((i * 53 % 97 - 48) * (3 * height) / 64).astype(np.float32)
    y, x = np.mgrid[:height, :width]
    moved = np.stack([map_coordinates(image[..., c], (y + dy, x + dx), order=1, mode='reflect') for c in range(3)], -1)
    print(f'    "{md5(moved)}",')
print('};')
