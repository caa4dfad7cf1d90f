"""Corruptions side by side with the published generator's formulas: time an image, and how the change is distributed.

    python3 bench/corruptions.py speed BUILD/libreshift.so DATA all --program BUILD/reshift
    python3 bench/corruptions.py spread BUILD/libreshift.so DATA --images 10000 gaussian_noise ...
    python3 bench/corruptions.py spread BUILD/libreshift.so DATA --images 10000 --sets 12 frost
    python3 bench/corruptions.py equal BUILD/libreshift.so DATA --constants imagenet --images 16 contrast ...
    python3 bench/corruptions.py equal BUILD/libreshift.so DATA --constants imagenet --size 375x500 contrast ...

DATA holds cifar-10-batches-bin/, frost/ and, for ImageNet's constants, photos/. The oracles are
tests/corruptions/golden/oracle_*.py: Python with NumPy, SciPy, scikit-image, Pillow, OpenCV and Wand. One thread each.
`speed`: severity 5, passes over the same hundred images by turns, the fastest pass of each counts; ours through the public C
function and, with --program, as `reshift bench corruptions` times it itself. `spread`: mean absolute change and standard
deviation of the change over all values, by severity; ours, the oracle's and their ratio, over --sets sets of draws. `equal`:
bytes that differ, for those without draws. Images are the CIFAR-10 test set's, or with ImageNet's constants or a --size the
photographs brought to HEIGHTxWIDTH, 224x224 unless told. `all` means all nineteen.
"""
import argparse
import ctypes
import glob
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time

for variable in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ[variable] = '1'
import numpy as np  # noqa: E402

NAMES = ('gaussian_noise shot_noise impulse_noise defocus_blur glass_blur motion_blur zoom_blur snow frost fog brightness '
         'contrast elastic_transform pixelate jpeg_compression speckle_noise gaussian_blur spatter saturate').split()

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '../tests/corruptions/golden'))


class Image(ctypes.Structure):
    _fields_ = [('height', ctypes.c_int), ('width', ctypes.c_int), ('pixels', ctypes.c_void_p),
                ('capacity', ctypes.c_size_t)]


class Ours:
    """reshift_corruption_apply() of a built library, with the frost overlays of DATA/frost where they are there."""

    def __init__(self, path, data):
        self.library = ctypes.CDLL(path)
        self.apply = self.library.reshift_corruption_apply
        self.apply.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_uint64, ctypes.c_int64,
                               ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
        self.error = ctypes.create_string_buffer(1 << 16)
        self.output = Image(0, 0, None, 0)
        self.frost = ctypes.c_void_p()
        folder = os.path.join(data, 'frost')
        if os.path.isdir(folder) and self.library.reshift_frost_open(folder.encode(), ctypes.byref(self.frost), self.error):
            sys.exit(f'no frost overlays in {folder}')

    def find(self, name):
        row = ctypes.c_void_p()
        if self.library.reshift_corruption_find(name.encode(), ctypes.byref(row), self.error):
            sys.exit(f'no corruption {name}')
        return row

    def calls(self, name, severity, constants, images, seed=0):
        """Arguments ready for apply(), so that little but the call itself is timed."""
        row, keep = self.find(name), []
        for index, image in enumerate(images):
            holder = Image(image.shape[0], image.shape[1], image.ctypes.data, image.nbytes)
            keep.append((row, severity, {'cifar': 1, 'imagenet': 2}[constants], seed, index, self.frost,
                         ctypes.addressof(holder), ctypes.addressof(self.output), ctypes.addressof(self.error), holder))
        return keep

    def __call__(self, call):
        if self.apply(*call[:9]):
            sys.exit('a corruption failed')

    def result(self, shape):
        return np.ctypeslib.as_array(ctypes.cast(self.output.pixels, ctypes.POINTER(ctypes.c_uint8)), shape).copy()


def oracle(name):
    for path in sorted(glob.glob(os.path.join(HERE, '../tests/corruptions/golden/oracle_*.py'))):
        module = importlib.import_module(os.path.basename(path)[:-3])
        if hasattr(module, name):
            return getattr(module, name)
    sys.exit(f'no oracle has {name}')


def read_images(data, constants, count, size):
    if constants == 'imagenet' or size:
        height, width = map(int, (size or '224x224').split('x'))
        from PIL import Image as Picture
        paths = sorted(glob.glob(os.path.join(data, 'photos/*.png')) + glob.glob(os.path.join(data, 'photos/*.jpg')))
        return [np.array(Picture.open(p).convert('RGB').resize((width, height), Picture.BILINEAR)) for p in paths[:count]]
    rows = np.fromfile(os.path.join(data, 'cifar-10-batches-bin/test_batch.bin'), np.uint8).reshape(-1, 3073)
    images = rows[:count, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return [np.ascontiguousarray(image) for image in images]


def one_pass(function, calls):
    begin = time.perf_counter()
    for call in calls:
        function(call)
    return (time.perf_counter() - begin) / len(calls) * 1e6


def fastest(function, calls, seconds):
    best, until = float('inf'), time.perf_counter() + seconds
    while time.perf_counter() < until or best == float('inf'):
        best = min(best, one_pass(function, calls))
    return best


def by_program(program, folder, name):
    """Microseconds an image as the program itself measures them."""
    said = subprocess.run([program, 'bench', 'corruptions', '--json', '--corruption', name, '--data-dir', arguments.data, '--data',
                           f'npy:{folder}/images.npy,{folder}/labels.npy'], check=True, capture_output=True)
    return json.loads(said.stdout)['rates'][0]['rate']


def speed(ours, names, images, arguments):
    rng = np.random.default_rng(0)
    nothing = fastest(lambda call: ours.library.reshift_corruption_constants(*call),
                      [(1, 32, 32)] * len(images), 0.5)  # what a call from Python costs
    with tempfile.TemporaryDirectory() as folder:
        np.save(f'{folder}/images.npy', np.stack(images))
        np.save(f'{folder}/labels.npy', np.zeros(len(images), np.uint8))
        print(f'Microseconds an image of {images[0].shape[1]}x{images[0].shape[0]}, severity 5, one thread. '
              f'"ours" counts a call from Python, {nothing:.2f}.\n')
        print('| corruption | oracle | ours | times | program | times |\n|---|---|---|---|---|---|')
        for name in names:
            function, calls = oracle(name), ours.calls(name, 5, arguments.constants, images)
            mine, theirs, program = [], [], []
            for _ in range(3):  # by turns, so that both see the machine alike
                mine.append(fastest(ours, calls, 0.2))
                theirs.append(fastest(lambda image: function(image, 5, arguments.constants, rng=rng), images, 0.2))
                if arguments.program:
                    program.append(by_program(arguments.program, folder, name))
            best, other = min(mine), min(theirs)
            last = f'{min(program):.2f} | {other / min(program):.1f}' if program else '|'
            print(f'| {name} | {other:.1f} | {best:.2f} | {other / best:.1f} | {last} |', flush=True)


def spread(ours, names, images, arguments):
    for name in names:
        function, rng = oracle(name), np.random.default_rng(1)
        for severity in range(1, 6):
            sums = np.zeros((2, 3))
            for seed in range(arguments.sets):
                for call, image in zip(ours.calls(name, severity, arguments.constants, images, seed), images):
                    ours(call)
                    results = ours.result(image.shape), function(image, severity, arguments.constants, rng=rng)
                    for who, result in enumerate(results):
                        change = result.astype(np.float64) - image
                        sums[who] += np.abs(change).mean(), change.mean(), (change ** 2).mean()
            sums /= len(images) * arguments.sets
            sd = np.sqrt(sums[:, 2] - sums[:, 1] ** 2)
            print(f'{name:18} {severity}  mean |change| {sums[0, 0]:8.4f} {sums[1, 0]:8.4f} {sums[0, 0] / sums[1, 0] - 1:+8.3%}'
                  f'   sd {sd[0]:8.4f} {sd[1]:8.4f} {sd[0] / sd[1] - 1:+8.3%}', flush=True)


def equal(ours, names, images, arguments):
    for name in names:
        function = oracle(name)
        for severity in range(1, 6):
            different = largest = 0
            for call, image in zip(ours.calls(name, severity, arguments.constants, images), images):
                ours(call)
                gap = np.abs(ours.result(image.shape).astype(int) - function(image, severity, arguments.constants))
                different, largest = different + np.count_nonzero(gap), max(largest, gap.max())
            values = sum(image.size for image in images)
            print(f'{name:18} {severity}  {different} of {values} bytes differ, by at most {largest}', flush=True)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument('what', choices=['speed', 'spread', 'equal'])
parser.add_argument('library')
parser.add_argument('data')
parser.add_argument('names', nargs='+')
parser.add_argument('--constants', choices=['cifar', 'imagenet'], default='cifar')
parser.add_argument('--size')
parser.add_argument('--sets', type=int, default=1)
parser.add_argument('--program')
parser.add_argument('--images', type=int, default=100)
arguments = parser.parse_args()
os.environ['RESHIFT_DATA'] = arguments.data  # where frost's oracle finds its overlays
if arguments.names == ['all']:
    arguments.names = NAMES
{'speed': speed, 'spread': spread, 'equal': equal}[arguments.what](
    Ours(os.path.abspath(arguments.library), arguments.data), arguments.names,
    read_images(arguments.data, arguments.constants, arguments.images, arguments.size), arguments)
