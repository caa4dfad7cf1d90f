"""Writes disk.h: the kernels of defocus_blur as OpenCV makes them (a quadrant each, from the centre), for all constants.

Made with Python 3.11, NumPy 1.24.2, OpenCV 4.6.0 on a processor with FMA (OpenCV rounds some otherwise without):
    python3 make_disk.py > disk.h
"""
import os
import sys
import numpy as np
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '../../corruptions/golden')]
from oracle_blur import DEFOCUS, disk  # noqa: E402

print('/* Made by make_disk.py; do not edit. */')
print('typedef struct golden_disk { double radius, alias; int half; float quadrant[11][11]; } golden_disk;')
print('static const golden_disk golden_disks[] = {')
for constants in DEFOCUS.values():
    for radius, alias in constants:
        kernel = disk(radius, alias)
        assert (kernel == kernel[::-1]).all() and (kernel == kernel[:, ::-1]).all()
        half = kernel.shape[0] // 2
        rows = ', '.join('{' + ', '.join(f'{float(v).hex()}f' if v else '0' for v in row) + '}'
                         for row in kernel[half:, half:])
        print(f'    {{{radius}, {alias}, {half}, {{{rows}}}}},')
print('};')
