"""Writes preprocess.h: what PyTorch, torchvision and Pillow make of the pattern images.

Made with Python 3.11, torch 1.13.0, torchvision 0.14.1, Pillow 9.4.0, NumPy 1.24.2:
    python3 make_preprocess.py > preprocess.h
"""
import hashlib
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torchvision import transforms
from pattern import pattern_image

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
ARRAYS = [(5, 7, 12, 1), (6, 6, 21, 1), (7, 5, 4, 2), (9, 9, 9, 3), (1, 1, 4, 4), (3, 20, 8, 5), (40, 33, 7, 6),
          (8, 1, 5, 7)]
PHOTOS = [(40, 30, 12, 8, 1), (30, 41, 15, 9, 2), (10, 10, 20, 16, 3), (8, 12, 6, 9, 4), (12, 8, 6, 9, 0),
          (9, 9, 9, 9, 5), (21, 10, 10, 10, 6), (375, 500, 256, 224, 0), (500, 333, 232, 224, 1), (64, 48, 256, 224, 2),
          (256, 301, 256, 224, 3), (260, 256, 256, 224, 3), (1000, 40, 64, 64, 4), (17, 1, 5, 5, 5), (223, 301, 256, 224, 1), (223, 301, 232, 224, 1),
          (411, 97, 256, 224, 2), (411, 97, 232, 224, 2), (224, 224, 256, 224, 3), (224, 224, 232, 224, 3),
          (32, 32, 256, 224, 4), (32, 32, 232, 224, 4), (3, 1000, 256, 224, 5), (1000, 3, 232, 224, 6),
          (100, 300, 50, 224, 7), (300, 100, 150, 224, 8)]
RESIZED = [(32, 32, 30, 30, 1), (32, 32, 20, 20, 2), (20, 20, 32, 32, 3), (24, 24, 32, 32, 0), (224, 224, 56, 56, 4),
           (56, 56, 224, 224, 5), (50, 7, 13, 90, 6), (5, 5, 5, 9, 7), (5, 5, 9, 5, 8), (31, 17, 1, 1, 9), (30, 33, 20, 22, 1)]


def md5(array):
    return hashlib.md5(array.tobytes()).hexdigest()


print('/* Made by make_preprocess.py; do not edit. */')
print('typedef struct golden_array { int height, width, size; unsigned seed; const float *values; } golden_array;')
for number, (h, w, size, seed) in enumerate(ARRAYS):
    x = torch.from_numpy(pattern_image(h, w, seed)).permute(2, 0, 1)[None].float() / 255
    x = F.interpolate(x, size=(size, size), mode='bilinear', align_corners=False, antialias=h > size or w > size)
    x = transforms.Normalize(MEAN, STD)(x)[0].permute(1, 2, 0).contiguous().numpy()
    print(f'static const float golden_array_{number}[] = {{')
    values = ['%.9gf' % v if '.' in '%.9g' % v or 'e' in '%.9g' % v else '%.1ff' % v for v in x.ravel()]
    for i in range(0, len(values), 10):
        print('    ' + ', '.join(values[i:i + 10]) + ',')
    print('};')
print('static const golden_array golden_arrays[] = {')
for number, (h, w, size, seed) in enumerate(ARRAYS):
    print(f'    {{{h}, {w}, {size}, {seed}, golden_array_{number}}},')
print('};')
print('typedef struct golden_photo { int height, width, resize, size; unsigned seed; const char *md5; } golden_photo;')
print('static const golden_photo golden_photos[] = { /* md5 of the float32 [size,size,3] */')
for h, w, resize, size, seed in PHOTOS:
    recipe = transforms.Compose([transforms.Resize(resize), transforms.CenterCrop(size), transforms.ToTensor(),
                                 transforms.Normalize(MEAN, STD)])
    x = recipe(Image.fromarray(pattern_image(h, w, seed))).permute(1, 2, 0).contiguous().numpy()
    print(f'    {{{h}, {w}, {resize}, {size}, {seed}, "{md5(x)}"}},')
print('};')
print('typedef struct golden_resized { int height, width, out_height, out_width; unsigned seed; '
      'const char *bilinear, *box; } golden_resized;')
print('static const golden_resized golden_resizeds[] = { /* md5 of the bytes */')
for h, w, oh, ow, seed in RESIZED:
    image = Image.fromarray(pattern_image(h, w, seed))
    sums = [md5(np.asarray(image.resize((ow, oh), f))) for f in (Image.BILINEAR, Image.BOX)]
    print(f'    {{{h}, {w}, {oh}, {ow}, {seed}, "{sums[0]}", "{sums[1]}"}},')
print('};')
