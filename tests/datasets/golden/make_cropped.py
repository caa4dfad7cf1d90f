"""The md5 in test_corrupt_folder.c of images cropped as ImageNet-C's were: torchvision's Resize and CenterCrop.

Made with Debian 12's python3-torchvision 0.14 and Pillow 9.4 by: python3 make_cropped.py. The images are those of
tests/imaging/pattern.h, seed 1: a linear congruential generator's top byte, value after value.
"""
import hashlib
import numpy as np
from PIL import Image
from torchvision.transforms import CenterCrop, Resize


def pattern(height, width, seed):
    state, values = (seed * 2654435761 + 12345) % 2 ** 32, []
    for _ in range(height * width * 3):
        state = (state * 1664525 + 1013904223) % 2 ** 32
        values.append(state >> 24)
    return np.array(values, np.uint8).reshape(height, width, 3)


for height, width, size in ((50, 37, 20), (37, 50, 21), (300, 401, 224), (16, 16, 32)):
    image = Image.fromarray(pattern(height, width, 1))
    cropped = CenterCrop(size)(Resize(size * 256 // 224)(image))
    print(f'{{{height}, {width}, {size}, "{hashlib.md5(np.array(cropped).tobytes()).hexdigest()}"}},')
