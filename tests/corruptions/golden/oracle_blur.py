"""The published generator's blurs (Hendrycks & Dietterich 2019, ImageNet-C/create_c/make_cifar_c.py and
make_imagenet_c.py) as functions: image uint8 [H,W,3], severity 1..5, constants 'cifar' or 'imagenet', uint8 out.

`draws` hands the random numbers in: glass_blur a list of (dx, dy) in the order of the loop, motion_blur the angle.
The published code takes square images; here height and width each go their own way.
Needs NumPy, SciPy, OpenCV, scikit-image, Pillow, Wand; made with 1.24.2, 1.10.1, 4.6.0, 0.19.3, 9.4.0, 0.6.11
(ImageMagick 6.9.11-60 Q16).
"""
import ctypes
import io

import cv2
import numpy as np
from PIL import Image
from scipy.ndimage import zoom as scizoom
from skimage.filters import gaussian
from wand.api import library as wandlibrary
from wand.image import Image as WandImage

wandlibrary.MagickMotionBlurImage.argtypes = (ctypes.c_void_p, ctypes.c_double, ctypes.c_double, ctypes.c_double)

GAUSSIAN = {'cifar': [.4, .6, .7, .8, 1], 'imagenet': [1, 2, 3, 4, 6]}
GLASS = {'cifar': [(.05, 1, 1), (.25, 1, 1), (.4, 1, 1), (.25, 1, 2), (.4, 1, 2)],
         'imagenet': [(.7, 1, 2), (.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)]}
DEFOCUS = {'cifar': [(.3, .4), (.4, .5), (.5, .6), (1, .2), (1.5, .1)],
           'imagenet': [(3, .1), (4, .5), (6, .5), (8, .5), (10, .5)]}
MOTION = {'cifar': [(6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)],
          'imagenet': [(10, 3), (15, 5), (15, 8), (15, 12), (20, 15)]}
ZOOM = {'cifar': [np.arange(1, 1.06, .01), np.arange(1, 1.11, .01), np.arange(1, 1.16, .01), np.arange(1, 1.21, .01),
                  np.arange(1, 1.26, .01)],
        'imagenet': [np.arange(1, 1.11, .01), np.arange(1, 1.16, .01), np.arange(1, 1.21, .02),
                     np.arange(1, 1.26, .02), np.arange(1, 1.31, .03)]}


def to_bytes(x):
    return np.uint8(np.clip(x, 0, 1) * 255)


def gaussian_blur(image, severity, constants='cifar', draws=None, rng=None):
    return to_bytes(gaussian(image / 255., sigma=GAUSSIAN[constants][severity - 1], channel_axis=-1))


def integers(rng):
    """A generator's own function, or the published code's."""
    return getattr(rng, 'integers', None) or np.random.randint


def disk(radius, alias_blur=.1):
    if radius <= 8:
        line, size = np.arange(-8, 8 + 1), (3, 3)
    else:
        line, size = np.arange(-radius, radius + 1), (5, 5)
    x, y = np.meshgrid(line, line)
    aliased = np.array(x ** 2 + y ** 2 <= radius ** 2, dtype=np.float32)
    aliased /= np.sum(aliased)
    return cv2.GaussianBlur(aliased, ksize=size, sigmaX=alias_blur)


def defocus_blur(image, severity, constants='cifar', draws=None, rng=None):
    x = image / 255.
    kernel = disk(*DEFOCUS[constants][severity - 1])
    return to_bytes(np.array([cv2.filter2D(x[:, :, d], -1, kernel) for d in range(3)]).transpose(1, 2, 0))


def glass_draws(height, width, severity, constants='cifar', rng=None):
    _, delta, iterations = GLASS[constants][severity - 1]
    n = iterations * max(height - 2 * delta, 0) * max(width - 2 * delta, 0)
    return integers(rng)(-delta, delta, size=(n, 2))


def glass_blur(image, severity, constants='cifar', draws=None, rng=None):
    sigma, delta, iterations = GLASS[constants][severity - 1]
    x = np.uint8(gaussian(image / 255., sigma=sigma, channel_axis=-1) * 255)
    height, width = x.shape[:2]
    draw, drawn = iter(draws) if draws is not None else None, integers(rng)
    for i in range(iterations):
        for h in range(height - delta, delta, -1):
            for w in range(width - delta, delta, -1):
                dx, dy = next(draw) if draw else drawn(-delta, delta, size=(2,))
                h_prime, w_prime = h + dy, w + dx
                x[h, w], x[h_prime, w_prime] = x[h_prime, w_prime], x[h, w]
    return np.uint8(np.clip(gaussian(x / 255., sigma=sigma, channel_axis=-1), 0, 1) * 255)


def motion_layer(image, radius, sigma, angle):
    """ImageMagick's motion blur of a uint8 image, grey [H,W] or RGB [H,W,3], through PNG as published."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format='PNG')
    blurred = WandImage(blob=buffer.getvalue())
    wandlibrary.MagickMotionBlurImage(blurred.wand, radius, sigma, angle)
    x = cv2.imdecode(np.frombuffer(blurred.make_blob(), np.uint8), cv2.IMREAD_UNCHANGED)
    if image.ndim == 2:
        return x
    return x[..., [2, 1, 0]] if x.ndim == 3 else np.dstack([x, x, x])


def motion_blur(image, severity, constants='cifar', draws=None, rng=None):
    radius, sigma = MOTION[constants][severity - 1]
    angle = draws if draws is not None else (rng or np.random).uniform(-45, 45)
    return motion_layer(image, radius, sigma, angle)


def clipped_zoom(x, factor):
    height, width = x.shape[:2]
    ch, cw = int(np.ceil(height / factor)), int(np.ceil(width / factor))
    top, left = (height - ch) // 2, (width - cw) // 2
    x = scizoom(x[top:top + ch, left:left + cw], (factor, factor, 1), order=1)
    top, left = (x.shape[0] - height) // 2, (x.shape[1] - width) // 2
    return x[top:top + height, left:left + width]


def zoom_blur(image, severity, constants='cifar', draws=None, rng=None):
    x = (image / 255.).astype(np.float32)
    out = np.zeros_like(x)
    for factor in ZOOM[constants][severity - 1]:
        out += clipped_zoom(x, factor)
    return to_bytes((x + out) / (len(ZOOM[constants][severity - 1]) + 1))
