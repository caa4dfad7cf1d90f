"""Writes grey.h: what OpenCV makes of grey planes, and SciPy's zoom of lines.

Made with Python 3.11, NumPy 1.24.2, OpenCV 4.6.0, SciPy 1.10.1:
    python3 make_grey.py > grey.h
"""
import hashlib
import numpy as np
import cv2
from scipy.ndimage import zoom as scizoom

SIZES = [(1, 1), (1, 9), (9, 1), (2, 2), (3, 50), (32, 32), (33, 31), (70, 65), (224, 224), (5, 300)]
KERNEL = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
ZOOMS = [(32, 1), (32, 1.25), (32, 1.75), (32, 2.25), (31, 1.25), (224, 3), (224, 4.5), (200, 2.5), (1, 2.25), (2, 4),
         (7, 1.1), (45, 1.06), (64, 1.31)]


def plane(height, width, coarse):
    """As plane() of test_grey.c: blocks of coarse x coarse pixels of hashed grey, half of them black, and a ramp."""
    y, x = np.meshgrid(np.arange(height, dtype=np.uint32), np.arange(width, dtype=np.uint32), indexing='ij')
    word = (y // np.uint32(coarse)) * np.uint32(2654435761) + (x // np.uint32(coarse)) * np.uint32(40503) + np.uint32(coarse)
    word = (word ^ word >> np.uint32(16)) * np.uint32(0x85ebca6b)
    word = (word ^ word >> np.uint32(13)) * np.uint32(0xc2b2ae35)
    word = word ^ word >> np.uint32(16)
    value = (word >> np.uint32(24)) + ((x * np.uint32(3) + y) & np.uint32(31))
    return np.where(word & np.uint32(1), np.minimum(value, 255), 0).astype(np.uint8)


def md5(array):
    return hashlib.md5(np.ascontiguousarray(array).tobytes()).hexdigest()


def distance(features):
    d = cv2.distanceTransform(features, cv2.DIST_L2, 5)
    _, d = cv2.threshold(d, 20, 20, cv2.THRESH_TRUNC)
    return cv2.blur(d, (3, 3)).astype(np.uint8)


print('/* Made by make_grey.py; do not edit. */')
print('static const struct { int height, width, coarse; const char *canny, *distance, *equalised, *filtered, *blurred; } '
      'golden_grey[] = {')
for height, width in SIZES:
    for coarse in (1, 3, 11):
        image = plane(height, width, coarse)
        edges = 255 - cv2.Canny(image, 50, 150)
        results = [edges, distance(edges), cv2.equalizeHist(image), cv2.filter2D(image, cv2.CV_8U, KERNEL),
                   cv2.blur(image, (3, 3))]
        print(f'    {{{height}, {width}, {coarse}, ' + ', '.join(f'"{md5(r.reshape(height, width))}"' for r in results) + '},')
print('};')


def clipped_zoom(line, factor):
    length = line.shape[0]
    crop = int(np.ceil(length / factor))
    top = (length - crop) // 2
    line = scizoom(line[top:top + crop], factor, order=1)
    trim = (line.shape[0] - length) // 2
    return line[trim:trim + length]


print('/* md5 of the doubles that the zoom makes of the line i -> (i * 37 % 101) / 7. */')
print('static const struct { int length; double factor; const char *md5; } golden_zooms[] = {')
for length, factor in ZOOMS:
    line = (np.arange(length) * 37 % 101) / 7
    zoomed = clipped_zoom(line, factor)
    assert zoomed.shape == (length,)
    print(f'    {{{length}, {factor}, "{md5(zoomed)}"}},')
print('};')
