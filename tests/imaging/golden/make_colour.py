"""Writes colour.h: md5 of the float64 planes that scikit-image makes of a grid of colours.

Made with Python 3.11, NumPy 1.24.2, scikit-image 0.19.3:
    python3 make_colour.py > colour.h
"""
import hashlib
import numpy as np
from skimage.color import hsv2rgb, rgb2hsv

levels = np.arange(0, 256, 15)  # 18 levels: 5,832 colours, the red one the slowest
grid = np.stack(np.meshgrid(levels, levels, levels, indexing='ij'), axis=-1).reshape(1, -1, 3) / 255.
hsv = rgb2hsv(grid)
changed = hsv.copy()
changed[..., 1] = np.clip(changed[..., 1] * 2.5 + .2, 0, 1)


def md5(colours):
    return hashlib.md5(np.ascontiguousarray(colours[0].T).tobytes()).hexdigest()


print('/* Made by make_colour.py; do not edit. */')
print(f'static const char golden_hsv[] = "{md5(hsv)}";')
print(f'static const char golden_rgb[] = "{md5(hsv2rgb(changed))}"; /* of saturation * 2.5 + 0.2, clipped */')
