"""Snow, frost, fog and spatter as the published generator defines them (make_cifar_c.py, make_imagenet_c.py of
hendrycks/robustness), with NumPy, SciPy, scikit-image, OpenCV, Pillow and Wand; for tests, statistics and timings.

    NAME(image, severity, constants, draws=None, rng=None)

image: uint8 [H,W,3]. constants: 'cifar' or 'imagenet'. draws: the random numbers, as the C functions take them (see each
function); else drawn from rng, a numpy.random.Generator. Returns uint8 [H,W,3]. Sizes of 32 or 224 in the formulas are
the image's own here. Versions: Python 3.11, NumPy 1.24.2, SciPy 1.10.1, scikit-image 0.19.3, OpenCV 4.6.0, Pillow 9.4,
Wand 0.6.11 over ImageMagick 6.9.11-60 Q16.
"""
import ctypes
import os
from io import BytesIO

import cv2
import numpy as np
from PIL import Image
from scipy.ndimage import zoom as scizoom
from skimage.filters import gaussian
from wand.api import library as wandlibrary
from wand.image import Image as WandImage

wandlibrary.MagickMotionBlurImage.argtypes = (ctypes.c_void_p, ctypes.c_double, ctypes.c_double, ctypes.c_double)

SNOW = {'cifar': [(.1, .2, 1, .6, 8, 3, .95), (.1, .2, 1, .5, 10, 4, .9), (.15, .3, 1.75, .55, 10, 4, .9),
                  (.25, .3, 2.25, .6, 12, 6, .85), (.3, .3, 1.25, .65, 14, 12, .8)],
        'imagenet': [(.1, .3, 3, .5, 10, 4, .8), (.2, .3, 2, .5, 12, 4, .7), (.55, .3, 4, .9, 12, 8, .7),
                     (.55, .3, 4.5, .85, 12, 8, .65), (.55, .3, 2.5, .85, 12, 12, .55)]}
FROST = {'cifar': [(1, .2), (1, .3), (.9, .4), (.85, .4), (.75, .45)],
         'imagenet': [(1, .4), (.8, .6), (.7, .7), (.65, .7), (.6, .75)]}
FOG = {'cifar': [(.2, 3), (.5, 3), (.75, 2.5), (1, 2), (1.5, 1.75)],
       'imagenet': [(1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)]}
SPATTER = {'cifar': [(.62, .1, .7, .7, .5, 0), (.65, .1, .8, .7, .5, 0), (.65, .3, 1, .69, .5, 0),
                     (.65, .1, .7, .69, .6, 1), (.65, .1, .5, .68, .6, 1)],
           'imagenet': [(.65, .3, 4, .69, .6, 0), (.65, .3, 3, .68, .6, 0), (.65, .3, 2, .68, .5, 0),
                        (.65, .3, 1, .65, 1.5, 1), (.67, .4, 1, .65, 1.5, 1)]}


def clipped_zoom(plane, factor):
    """[H,W,1]; each axis by its own length, which for a square is the published function."""
    h, w = plane.shape[:2]
    ch, cw = int(np.ceil(h / factor)), int(np.ceil(w / factor))
    top, left = (h - ch) // 2, (w - cw) // 2
    plane = scizoom(plane[top:top + ch, left:left + cw], (factor, factor, 1), order=1)
    top, left = (plane.shape[0] - h) // 2, (plane.shape[1] - w) // 2
    return plane[top:top + h, left:left + w]


def snow(image, severity, constants, draws=None, rng=None):
    """draws: ([H,W] standard normals, angle in degrees)"""
    c = SNOW[constants][severity - 1]
    h, w = image.shape[:2]
    if draws is None:
        layer = rng.normal(size=(h, w), loc=c[0], scale=c[1])
        angle = rng.uniform(-135, -45)
    else:
        layer, angle = c[0] + c[1] * draws[0].astype(np.float64), draws[1]
    x = np.array(image, dtype=np.float32) / 255.
    layer = clipped_zoom(layer[..., np.newaxis], c[2])
    layer[layer < c[3]] = 0
    layer = Image.fromarray((np.clip(layer.reshape(h, w), 0, 1) * 255).astype(np.uint8), mode='L')
    output = BytesIO()
    layer.save(output, format='PNG')
    layer = WandImage(blob=output.getvalue())
    wandlibrary.MagickMotionBlurImage(layer.wand, c[4], c[5], angle)
    layer = cv2.imdecode(np.frombuffer(layer.make_blob(), np.uint8), cv2.IMREAD_UNCHANGED) / 255.
    layer = layer[..., np.newaxis]
    x = c[6] * x + (1 - c[6]) * np.maximum(x, cv2.cvtColor(x, cv2.COLOR_RGB2GRAY).reshape(h, w, 1) * 1.5 + 0.5)
    return np.uint8(np.clip(x + layer + np.rot90(layer, k=2), 0, 1) * 255)


def frost_overlays(folder):
    """Opened once: {'cifar': five overlays at a fifth, 'imagenet': five as they are}, B G R as OpenCV reads them."""
    names = ['frost1.png', 'frost2.png', 'frost3.png', 'frost4.jpg', 'frost5.jpg']
    full = [cv2.imread(os.path.join(folder, name)) for name in names]
    return {'cifar': [cv2.resize(overlay, (0, 0), fx=0.2, fy=0.2) for overlay in full], 'imagenet': full}


OPENED = {}


def frost(image, severity, constants, draws=None, rng=None, overlays=None):
    """draws: (number of the overlay, top, left). overlays: frost_overlays(), else $RESHIFT_DATA/frost, opened once."""
    c = FROST[constants][severity - 1]
    if overlays is None:
        if not OPENED:
            OPENED.update(frost_overlays(os.path.join(os.environ['RESHIFT_DATA'], 'frost')))
        overlays = OPENED
    h, w = image.shape[:2]
    number = rng.integers(5) if draws is None else draws[0]
    overlay = overlays[constants][number]
    if draws is None:
        top, left = rng.integers(0, overlay.shape[0] - h), rng.integers(0, overlay.shape[1] - w)
    else:
        top, left = draws[1:]
    overlay = overlay[top:top + h, left:left + w][..., [2, 1, 0]]
    return np.uint8(np.clip(c[0] * np.array(image) + c[1] * overlay, 0, 255))


def plasma_side(height, width):
    side = 2
    while side < max(height, width):
        side *= 2
    return side


def plasma(side, decay, uniform):
    """uniform(shape): numbers in [0,1)"""
    grid = np.empty((side, side), dtype=np.float64)
    grid[0, 0] = 0
    step, wobble = side, 100

    def wobbled_mean(total):
        # NumPy's uniform(low, high) is low + (high - low) * u
        return total / 4 + wobble * (-wobble + (wobble + wobble) * uniform(total.shape))

    while step >= 2:
        half = step // 2
        corners = grid[0:side:step, 0:side:step]
        total = corners + np.roll(corners, shift=-1, axis=0)
        total += np.roll(total, shift=-1, axis=1)
        grid[half:side:step, half:side:step] = wobbled_mean(total)
        middle, corners = grid[half:side:step, half:side:step], grid[0:side:step, 0:side:step]
        total = (middle + np.roll(middle, 1, axis=0)) + (corners + np.roll(corners, -1, axis=1))
        grid[0:side:step, half:side:step] = wobbled_mean(total)
        total = (middle + np.roll(middle, 1, axis=1)) + (corners + np.roll(corners, -1, axis=0))
        grid[half:side:step, 0:side:step] = wobbled_mean(total)
        step //= 2
        wobble /= decay
    grid -= grid.min()
    return grid / grid.max()


def fog(image, severity, constants, draws=None, rng=None):
    """draws: side * side - 1 uniforms in [0,1), in the order in which they are drawn"""
    c = FOG[constants][severity - 1]
    h, w = image.shape[:2]
    if draws is None:
        uniform = rng.random
    else:
        left = [draws]

        def uniform(shape):
            n = int(np.prod(shape))
            taken, left[0] = left[0][:n], left[0][n:]
            return taken.reshape(shape)
    x = np.array(image) / 255.
    brightest = x.max()
    x += c[0] * plasma(plasma_side(h, w), c[1], uniform)[:h, :w][..., np.newaxis]
    return np.uint8(np.clip(x * brightest / (brightest + c[0]), 0, 1) * 255)


def spatter(image, severity, constants, draws=None, rng=None):
    """draws: [H,W] standard normals"""
    c = SPATTER[constants][severity - 1]
    x = np.array(image, dtype=np.float32) / 255.
    if draws is None:
        liquid = rng.normal(size=x.shape[:2], loc=c[0], scale=c[1])
    else:
        liquid = c[0] + c[1] * draws.astype(np.float64)
    liquid = gaussian(liquid, sigma=c[2])
    liquid[liquid < c[3]] = 0
    if c[5] == 0:
        liquid = (liquid * 255).astype(np.uint8)
        dist = 255 - cv2.Canny(liquid, 50, 150)
        dist = cv2.distanceTransform(dist, cv2.DIST_L2, 5)
        _, dist = cv2.threshold(dist, 20, 20, cv2.THRESH_TRUNC)
        dist = cv2.blur(dist, (3, 3)).astype(np.uint8)
        dist = cv2.equalizeHist(dist)
        kernel = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
        dist = cv2.filter2D(dist, cv2.CV_8U, kernel)
        dist = cv2.blur(dist, (3, 3)).astype(np.float32)
        m = cv2.cvtColor(liquid * dist, cv2.COLOR_GRAY2BGRA)
        m /= np.max(m, axis=(0, 1))
        m *= c[4]
        colour = np.concatenate((175 / 255. * np.ones_like(m[..., :1]), 238 / 255. * np.ones_like(m[..., :1]),
                                 238 / 255. * np.ones_like(m[..., :1])), axis=2)
        colour = cv2.cvtColor(colour, cv2.COLOR_BGR2BGRA)
        x = cv2.cvtColor(x, cv2.COLOR_BGR2BGRA)
        return np.uint8(cv2.cvtColor(np.clip(x + m * colour, 0, 1), cv2.COLOR_BGRA2BGR) * 255)
    m = np.where(liquid > c[3], 1, 0)
    m = gaussian(m.astype(np.float32), sigma=c[4])
    m[m < 0.8] = 0
    colour = np.concatenate((63 / 255. * np.ones_like(x[..., :1]), 42 / 255. * np.ones_like(x[..., :1]),
                             20 / 255. * np.ones_like(x[..., :1])), axis=2)
    colour *= m[..., np.newaxis]
    x *= (1 - m[..., np.newaxis])
    return np.uint8(np.clip(x + colour, 0, 1) * 255)
