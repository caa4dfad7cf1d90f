"""Writes compress.h: md5 of the pixels that Pillow loads after save(quality=85), and of the files saved with optimize=True
as the published ImageNet-C was, for the images of pattern.h.

Made with Python 3.11, NumPy 1.24.2, Pillow 9.4.0 (libjpeg-turbo 2.1.5):
    python3 make_compress.py > compress.h
"""
import hashlib
import io

import numpy as np
from PIL import Image

from pattern import pattern_image

print('/* Made by make_compress.py; do not edit. */')
print('typedef struct golden_compress {\n    int height, width;\n    uint32_t seed;\n    const char *pixels, *file;\n} golden_compress;')
print('static const golden_compress golden_compresses[] = {')
for height, width in [(224, 224), (223, 225), (33, 47), (64, 64), (7, 5), (1, 1), (16, 17), (101, 64)]:
    for seed in (0, 1):
        image = Image.fromarray(pattern_image(height, width, seed))
        plain, published = io.BytesIO(), io.BytesIO()
        image.save(plain, 'JPEG', quality=85)
        image.save(published, 'JPEG', quality=85, optimize=True)
        pixels = np.asarray(Image.open(plain).convert('RGB'))
        assert np.array_equal(pixels, np.asarray(Image.open(published).convert('RGB')))
        print('    {%d, %d, %d, "%s", "%s"},' % (height, width, seed, hashlib.md5(pixels.tobytes()).hexdigest(),
                                                 hashlib.md5(published.getvalue()).hexdigest()))
print('};')
