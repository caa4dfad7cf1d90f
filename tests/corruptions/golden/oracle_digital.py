"""The published generator's digital corruptions and brightness (make_cifar_c.py, make_imagenet_c.py), plainly.

Each takes a uint8 image [H,W,3], a severity 1 to 5 and 'cifar' or 'imagenet'. Only elastic_transform has draws. Where the
generator writes 32 or 224 for the image's own extent, the extent stands.
Made for Python 3.11, NumPy 1.24.2, SciPy 1.10.1, scikit-image 0.19.3, Pillow 9.4.0, OpenCV 4.6.0.
"""
from io import BytesIO

import cv2
import numpy as np
from PIL import Image
from scipy.ndimage import map_coordinates
from skimage.color import hsv2rgb, rgb2hsv
from skimage.filters import gaussian

CONTRAST = {'cifar': [.75, .5, .4, .3, .15], 'imagenet': [.4, .3, .2, .1, .05]}
BRIGHTNESS = {'cifar': [.05, .1, .15, .2, .3], 'imagenet': [.1, .2, .3, .4, .5]}
SATURATE = {'cifar': [(.3, 0), (.1, 0), (1.5, 0), (2, .1), (2.5, .2)],
            'imagenet': [(.3, 0), (.1, 0), (2, 0), (5, .1), (20, .2)]}
JPEG = {'cifar': [80, 65, 58, 50, 40], 'imagenet': [25, 18, 15, 10, 7]}
PIXELATE = {'cifar': [.95, .9, .85, .75, .65], 'imagenet': [.6, .5, .4, .3, .25]}
ELASTIC = {'cifar': [(0, 0, .08), (.05, .2, .07), (.08, .06, .06), (.1, .04, .05), (.1, .03, .03)],
           'imagenet': [(2, .7, .1), (2, .08, .2), (.05, .01, .02), (.07, .01, .02), (.12, .01, .02)]}


def to_bytes(x):
    return np.uint8(np.clip(x, 0, 1) * 255)


def contrast(image, severity, constants, draws=None, rng=None):
    c = CONTRAST[constants][severity - 1]
    x = np.array(image) / 255.
    means = np.mean(x, axis=(0, 1), keepdims=True)
    return to_bytes((x - means) * c + means)


def brightness(image, severity, constants, draws=None, rng=None):
    c = BRIGHTNESS[constants][severity - 1]
    x = rgb2hsv(np.array(image) / 255.)
    x[:, :, 2] = np.clip(x[:, :, 2] + c, 0, 1)
    return to_bytes(hsv2rgb(x))


def saturate(image, severity, constants, draws=None, rng=None):
    c = SATURATE[constants][severity - 1]
    x = rgb2hsv(np.array(image) / 255.)
    x[:, :, 1] = np.clip(x[:, :, 1] * c[0] + c[1], 0, 1)
    return to_bytes(hsv2rgb(x))


def jpeg_compression(image, severity, constants, draws=None, rng=None):
    output = BytesIO()
    Image.fromarray(image).save(output, 'JPEG', quality=JPEG[constants][severity - 1])
    return np.array(Image.open(output))


def pixelate(image, severity, constants, draws=None, rng=None):
    c = PIXELATE[constants][severity - 1]
    height, width = image.shape[:2]
    x = Image.fromarray(image).resize((int(width * c), int(height * c)), Image.BOX)
    return np.array(x.resize((width, height), Image.BOX))


def elastic_draws(shape, severity, constants, rng):
    """Offsets of the three points [3,2] and the two fields [H,W], in the generator's order."""
    c2 = elastic_constants(shape, severity, constants)[2]
    return rng.uniform(-c2, c2, size=(3, 2)), rng.uniform(-1, 1, size=shape[:2]), rng.uniform(-1, 1, size=shape[:2])


def elastic_constants(shape, severity, constants):
    # 32 for CIFAR; for ImageNet the generator uses 244 for images of 224
    unit = min(shape[:2]) if constants == 'cifar' else 244 * min(shape[:2]) / 224
    return [unit * c for c in ELASTIC[constants][severity - 1]]


def elastic_transform(image, severity, constants, draws=None, rng=None):
    """draws: as elastic_draws() gives them."""
    c = elastic_constants(image.shape, severity, constants)
    moves, field_x, field_y = elastic_draws(image.shape, severity, constants, rng) if draws is None else draws
    image = np.array(image, dtype=np.float32) / 255.
    shape = image.shape
    shape_size = shape[:2]
    centre = np.float32(shape_size) // 2
    square = min(shape_size) // 3
    pts1 = np.float32([centre + square, [centre[0] + square, centre[1] - square], centre - square])
    pts2 = pts1 + moves.astype(np.float32)
    m = cv2.getAffineTransform(pts1, pts2)
    image = cv2.warpAffine(image, m, shape_size[::-1], borderMode=cv2.BORDER_REFLECT_101)
    dx = (gaussian(field_x, c[1], mode='reflect', truncate=3) * c[0]).astype(np.float32)[..., np.newaxis]
    dy = (gaussian(field_y, c[1], mode='reflect', truncate=3) * c[0]).astype(np.float32)[..., np.newaxis]
    x, y, z = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]), np.arange(shape[2]))
    indices = np.reshape(y + dy, (-1, 1)), np.reshape(x + dx, (-1, 1)), np.reshape(z, (-1, 1))
    return to_bytes(map_coordinates(image, indices, order=1, mode='reflect').reshape(shape))
