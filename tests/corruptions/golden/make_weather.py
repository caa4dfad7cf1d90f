"""Writes weather.h and snow.bin: what the oracle makes of pattern images, and of real ones where RESHIFT_DATA is set, with
the shared draws (draws.py); and the spread of its own draws' change on the first 2,000 test images.

Made with the versions of oracle_weather.py:
    RESHIFT_DATA=DIR python3 make_weather.py
"""
import hashlib
import os
import sys
import cv2
import numpy as np
from PIL import Image
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '../../imaging/golden')]
import oracle_weather as oracle  # noqa: E402
from draws import draw_normals, draw_uniforms, draw_words  # noqa: E402
from pattern import pattern_image  # noqa: E402

NAMES = ['frost', 'fog', 'spatter']
PATTERNS = [('cifar', 32, 32, 1), ('cifar', 33, 20, 0), ('cifar', 17, 13, 2), ('imagenet', 70, 50, 3),
            ('imagenet', 224, 224, 4), ('imagenet', 47, 33, 5), ('cifar', 64, 64, 6), ('imagenet', 375, 500, 7)]
SNOW = [('cifar', 32, 32, 1, 1), ('cifar', 33, 20, 0, 1), ('imagenet', 70, 50, 3, 1), ('imagenet', 224, 224, 4, 61),
        ('cifar', 64, 64, 5, 7), ('imagenet', 375, 500, 6, 499)]
REAL, SPREAD = 100, 2000
PHOTOS = ['astronaut.png', 'chelsea.png', 'rocket.jpg']


def draws_for(name, height, width, seed):
    if name == 'fog':
        return draw_uniforms(oracle.plasma_side(height, width) ** 2 - 1, seed)
    normals = draw_normals(height * width, seed).astype(np.float32).reshape(height, width)
    if name == 'snow':
        return normals, -135 + 90 * draw_uniforms(1, seed + 1000)[0]
    return normals


def frost_draws(overlays, height, width, seed):
    words = draw_words(3, seed).astype(np.int64)
    number = int(words[0] % 5)
    overlay = overlays[number]
    return number, int(words[1] % (overlay.shape[0] - height)), int(words[2] % (overlay.shape[1] - width))


def apply(name, image, severity, constants, seed, overlays):
    height, width = image.shape[:2]
    if name != 'frost':
        return getattr(oracle, name)(image, severity, constants, draws_for(name, height, width, seed))
    draws = frost_draws(overlays[constants], height, width, seed)
    return oracle.frost(image, severity, constants, draws, overlays=overlays)


def md5s(name, images, constants, overlays):
    sums = []
    for severity in range(1, 6):
        whole = hashlib.md5()
        for index, image in enumerate(images):
            whole.update(apply(name, image, severity, constants, 10 * index + severity, overlays).tobytes())
        sums.append(whole.hexdigest())
    return '{"' + '", "'.join(sums) + '"}'


# an overlay with a test pattern replaces the photographs
made = pattern_image(260, 270, 9)[..., ::-1]
patterns = {'cifar': [np.ascontiguousarray(made)] * 5, 'imagenet': [np.ascontiguousarray(made)] * 5}
out = open(os.path.join(HERE, 'weather.h'), 'w')


def say(line):
    print(line, file=out)


say('/* Made by make_weather.py; do not edit. */')
say('typedef struct golden_weather { const char *name; reshift_constants constants; int height, width; unsigned seed; '
    'const char *md5[5]; } golden_weather;')
say('static const golden_weather golden_patterns[] = {')
for name in NAMES:
    for constants, height, width, seed in PATTERNS:
        if name == 'frost' and height > made.shape[0]:
            continue  # the published generator has no frost for what an overlay does not cover
        sums = md5s(name, [pattern_image(height, width, seed)], constants, patterns)
        say(f'    {{"{name}", RESHIFT_CONSTANTS_{constants.upper()}, {height}, {width}, {seed}, {sums}}},')
say('};')
say('/* snow.bin holds, case by case and severity by severity, every step-th byte. */')
say('static const struct { reshift_constants constants; int height, width; unsigned seed; int step; } golden_snow[] = {')
with open(os.path.join(HERE, 'snow.bin'), 'wb') as snow:
    for constants, height, width, seed, step in SNOW:
        say(f'    {{RESHIFT_CONSTANTS_{constants.upper()}, {height}, {width}, {seed}, {step}}},')
        for severity in range(1, 6):
            snow.write(apply('snow', pattern_image(height, width, seed), severity, constants, severity,
                             None).reshape(-1)[::step].tobytes())
say('};')

data = os.environ['RESHIFT_DATA']
rows = np.fromfile(os.path.join(data, 'cifar-10-batches-bin/test_batch.bin'), np.uint8, 3073 * SPREAD).reshape(-1, 3073)
images = np.ascontiguousarray(rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
overlays = oracle.frost_overlays(os.path.join(data, 'frost'))
say(f'/* The first {REAL} test images, and the upper left 224x224 of three photographs. */')
say('static const golden_weather golden_real[] = {')
for name in NAMES:
    sums = md5s(name, images[:REAL], 'cifar', overlays)
    say(f'    {{"{name}", RESHIFT_CONSTANTS_CIFAR, 32, 32, {REAL}, {sums}}},')
    photos = [np.array(Image.open(os.path.join(data, 'photos', photo)).convert('RGB'))[:224, :224] for photo in PHOTOS]
    sums = md5s(name, photos, 'imagenet', overlays)
    say(f'    {{"{name}", RESHIFT_CONSTANTS_IMAGENET, 224, 224, {len(PHOTOS)}, {sums}}},')
say('};')
say('/* Overlays at a fifth, R G B. */')
say('static const struct { int height, width; const char *md5; } golden_overlays[] = {')
for overlay in overlays['cifar']:
    rgb = hashlib.md5(np.ascontiguousarray(overlay[..., ::-1]).tobytes()).hexdigest()
    say(f'    {{{overlay.shape[0]}, {overlay.shape[1]}, "{rgb}"}},')
say('};')
say(f"""/* Over the first {SPREAD} test images with draws of its own: the mean over images of an image's mean absolute change and mean
 * square change, and the standard error of each mean under new draws (from two sets of draws). */""")
say('static const struct { const char *name; double absolute[5], absolute_error[5], square[5], square_error[5]; } '
    'golden_spread[] = {')
rng = np.random.default_rng(1)
for name in ['snow', 'frost', 'fog', 'spatter']:
    columns = []
    for severity in range(1, 6):
        runs = np.empty((2, SPREAD, 2))
        for run in runs:
            for index, image in enumerate(images):
                more = {'overlays': overlays} if name == 'frost' else {}
                change = getattr(oracle, name)(image, severity, 'cifar', rng=rng, **more).astype(np.float64) - image
                run[index] = np.abs(change).mean(), (change ** 2).mean()
        # one set's variance is half of the difference's
        errors = (runs[0] - runs[1]).std(axis=0) / np.sqrt(2 * SPREAD)
        columns.append((runs.mean(axis=(0, 1)), errors))
    fields = [[column[part][which] for column in columns] for which in range(2) for part in range(2)]
    say(f'    {{"{name}", ' + ', '.join('{' + ', '.join(f'{v:.5g}' for v in f) + '}' for f in fields) + '},')
say('};')
