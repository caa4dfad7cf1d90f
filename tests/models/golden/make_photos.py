#!/usr/bin/python3
"""Makes photos/ and photos.h: images of odd sizes and colour types, and what torchvision's own recipes for V1 and V2
weights make of them through its folder loader.

Made with Python 3.11, torch 1.13.0, torchvision 0.14.1, Pillow 9.4.0, NumPy 1.24.2 (Debian 12):
    /usr/bin/python3 make_photos.py       (in this folder)
"""
import hashlib
import os

import numpy as np
from PIL import Image
from torchvision.datasets.folder import default_loader
from torchvision.models import ResNet50_Weights
from torchvision.transforms import functional as F


def drawing(width, height):
    """A chequered board with fields of no common size, and lines over it: compresses well, and shows a shift by a pixel."""
    y, x = np.mgrid[0:height, 0:width]
    image = np.stack([x // 29 * 67 % 256, y // 31 * 43 % 256, (x // 17 + y // 23) * 91 % 256], axis=-1)
    image[x % 37 < 1] = (250, 20, 90)
    image[y % 41 < 2] = (0, 130, 255)
    image[(x + y) % 53 < 2] = (255, 255, 0)
    return Image.fromarray(image.astype(np.uint8))


def with_alpha(image):
    alpha = np.add.outer(np.arange(image.height), np.arange(image.width)) % 256
    image = image.convert('RGBA')
    image.putalpha(Image.fromarray(alpha.astype(np.uint8)))
    return image


turned = Image.Exif()
turned[0x0112] = 6  # the camera was held upright: a viewer turns the picture by 90 degrees
FILES = [
    ('rgb_301x223.png', drawing(301, 223), {}),
    ('rgb_97x411.png', drawing(97, 411), {}),
    ('rgb_224x224.png', drawing(224, 224), {}),
    ('rgb_32x32.png', drawing(32, 32), {}),
    ('rgb_1000x3.png', drawing(1000, 3), {}),
    ('rgb_3x1000.png', drawing(3, 1000), {}),
    ('rgb_233x257.png', drawing(233, 257), {}),
    ('grey_199x260.png', drawing(199, 260).convert('L'), {}),
    ('rgba_173x129.png', with_alpha(drawing(173, 129)), {}),
    ('palette_150x271.png', drawing(150, 271).quantize(31), {'transparency': 3}),
    ('rgb_301x223.jpg', drawing(301, 223), {'quality': 40}),
    ('grey_223x301.jpg', drawing(223, 301).convert('L'), {'quality': 40}),
    ('cmyk_145x211.jpg', drawing(145, 211).convert('CMYK'), {'quality': 40}),
    ('turned_211x145.jpg', drawing(211, 145), {'quality': 40, 'exif': turned.tobytes()}),
]


def md5(array):
    return hashlib.md5(np.ascontiguousarray(array).tobytes()).hexdigest()


def results(path, recipe):
    image = default_loader(path)
    pixels = F.center_crop(F.resize(image, recipe.resize_size, interpolation=recipe.interpolation), recipe.crop_size)
    return md5(np.asarray(pixels)), md5(recipe(image).permute(1, 2, 0).numpy())


os.makedirs('photos', exist_ok=True)
with open('photos.h', 'w') as header:
    print('/* Made by make_photos.py; do not edit. */', file=header)
    print('typedef struct golden_recipe { const char *pixels, *input; } golden_recipe; /* md5 of [224,224,3] bytes, floats */',
          file=header)
    print('typedef struct golden_photo { const char *name; golden_recipe v1, v2; } golden_photo;', file=header)
    print('static const golden_photo golden_photos[] = {', file=header)
    for name, image, options in FILES:
        path = os.path.join('photos', name)
        image.save(path, optimize=True, **options)
        lines = ['{"%s", "%s"}' % results(path, w.transforms()) for w in (ResNet50_Weights.IMAGENET1K_V1,
                                                                          ResNet50_Weights.IMAGENET1K_V2)]
        print(f'    {{"{name}",\n     ' + ',\n     '.join(lines) + '},', file=header)
    print('};', file=header)
