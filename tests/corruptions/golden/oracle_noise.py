"""The published generator's four noises (Hendrycks & Dietterich 2019, make_cifar_c.py and make_imagenet_c.py), plainly.

Each takes a uint8 image [H,W,3], a severity 1 to 5 and 'cifar' or 'imagenet', and either the draws or a NumPy generator.
Made for Python 3.11, NumPy 1.24.2, SciPy 1.10.1, scikit-image 0.19.3.
"""
import numpy as np
from scipy.stats import poisson
from skimage.util import random_noise

GAUSSIAN = {'cifar': [.04, .06, .08, .09, .10], 'imagenet': [.08, .12, .18, .26, .38]}
SHOT = {'cifar': [500, 250, 100, 75, 50], 'imagenet': [60, 25, 12, 5, 3]}
IMPULSE = {'cifar': [.01, .02, .03, .05, .07], 'imagenet': [.03, .06, .09, .17, .27]}
SPECKLE = {'cifar': [.06, .1, .12, .16, .2], 'imagenet': [.15, .2, .35, .45, .6]}


def to_bytes(x):
    return np.uint8(np.clip(x, 0, 1) * 255)


def gaussian_noise(image, severity, constants, draws=None, rng=None):
    """draws: standard normals [H,W,3]."""
    c = GAUSSIAN[constants][severity - 1]
    x = np.array(image) / 255.
    noise = rng.normal(size=x.shape, scale=c) if draws is None else draws * c
    return to_bytes(x + noise)


def shot_noise(image, severity, constants, draws=None, rng=None):
    """draws: uniforms [H,W,3], turned into counts by the Poisson distribution's quantiles."""
    c = SHOT[constants][severity - 1]
    x = np.array(image) / 255.
    counts = rng.poisson(x * c) if draws is None else np.where(image == 0, 0, poisson.ppf(draws, x * c))
    return to_bytes(np.clip(counts / float(c), 0, 1))


def impulse_noise(image, severity, constants, draws=None, rng=None):
    """draws: two uniform fields [2,H,W,3], which element is hit and whether it becomes salt."""
    c = IMPULSE[constants][severity - 1]
    x = np.array(image) / 255.
    if draws is None:
        return to_bytes(random_noise(x, mode='s&p', amount=c, seed=rng))
    x = x.copy()
    flipped, salted = draws[0] <= c, draws[1] <= .5  # as skimage.util.random_noise
    x[flipped & salted] = 1
    x[flipped & ~salted] = 0
    return to_bytes(x)


def speckle_noise(image, severity, constants, draws=None, rng=None):
    """draws: standard normals [H,W,3]."""
    c = SPECKLE[constants][severity - 1]
    x = np.array(image) / 255.
    noise = rng.normal(size=x.shape, scale=c) if draws is None else draws * c
    return to_bytes(x + x * noise)
