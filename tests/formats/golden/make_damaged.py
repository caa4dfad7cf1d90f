#!/usr/bin/python3
"""Damaged and odd images, and what Pillow makes of them. Run in this folder; it prints the table of test_damaged.c.

Written with Pillow 9.4 (libjpeg-turbo 2.1.5, libwebp 1.2.4) and NumPy 1.24.
"""
import gzip
import hashlib
import io
import struct
import tarfile

import numpy as np
from PIL import Image

rng = np.random.default_rng(1)
pixels = (rng.random((40, 48, 3)) * 255).astype('u1')


def saved(image, kind, **options):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, kind, **options)
    return stream.getvalue()


def patch(s, i, x):
    return s[:i] + x + s[i + len(x):]


jpeg, progressive, png = saved(pixels, 'JPEG', quality=90), saved(pixels, 'JPEG', quality=90, progressive=True), saved(pixels, 'PNG')
alpha = np.concatenate([pixels, (rng.random((40, 48, 1)) * 255).astype('u1')], axis=2)
webp, lossless = saved(pixels, 'WEBP', quality=80), saved(alpha, 'WEBP', lossless=True)
scan, frame = jpeg.index(b'\xff\xda'), jpeg.index(b'\xff\xc0')
middle = scan + (len(jpeg) - scan) // 2
ends = []
at = 8
while at < len(png):
    length, name = struct.unpack('>I4s', png[at:at + 8])
    at += 12 + length
    if name == b'IDAT':
        ends.append(at)
cases = {
    'whole.jpg': jpeg, 'no-end.jpg': jpeg[:-2], 'half-end.jpg': jpeg[:-1], 'cut-20.jpg': jpeg[:-20], 'cut-half.jpg': jpeg[:middle],
    'early-end.jpg': jpeg[:middle] + b'\xff\xd9', 'early-marker.jpg': patch(jpeg, middle, b'\xff\xd9'),
    'wrong-marker.jpg': patch(jpeg, middle, b'\xff\xd3'), 'zeros.jpg': jpeg[:middle] + b'\0' * (len(jpeg) - middle - 2) + b'\xff\xd9',
    'noise.jpg': patch(jpeg, middle, bytes(rng.integers(0, 255, 30, dtype='u1'))), 'junk-after.jpg': jpeg + b'junk' * 100,
    'more-rows.jpg': patch(jpeg, frame + 5, struct.pack('>H', 80)), 'header.jpg': jpeg[:scan],
    'progressive-cut.jpg': progressive[:len(progressive) * 2 // 3], 'progressive-no-end.jpg': progressive[:-2],
    'whole.png': png, 'no-end.png': png[:ends[-1]], 'no-sum.png': png[:ends[-1] - 4], 'half-end.png': png[:-6],
    'wrong-sum.png': patch(png, ends[-1] - 4, b'abcd'), 'junk-after.png': png + b'junk', 'cut.png': png[:ends[-1] - 40],
    'half.png': png[:len(png) // 2],
    'zeros-no-end.jpg': jpeg[:middle] + b'\0' * (len(jpeg) - middle), 'zeros-long.jpg': jpeg[:middle] + b'\0' * 4000,
    'zeros-few.jpg': jpeg[:middle] + b'\0' * 60, 'zero-after.jpg': jpeg[:-2] + b'\0', 'zeros-8-after.jpg': jpeg[:-2] + b'\0' * 8,
    'zeros-after.jpg': jpeg[:-2] + b'\0' * 600, 'progressive-zeros.jpg': progressive[:-2] + b'\0' * 4000,
    'lossy.webp': webp, 'lossless-alpha.webp': lossless, 'cut.webp': webp[:len(webp) // 2],
}
raw = io.BytesIO()
with tarfile.open(fileobj=raw, mode='w', format=tarfile.USTAR_FORMAT) as tar:
    for name, content in cases.items():
        info = tarfile.TarInfo(name)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
        try:
            image = np.asarray(Image.open(io.BytesIO(content)).convert('RGB'))
            print('        {"%s", %d, "%s"},' % (name, image.shape[0], hashlib.md5(image.tobytes()).hexdigest()))
        except Exception:
            print('        {"%s", 0, ""},' % name)
with open('damaged-images.tar.gz', 'wb') as f, gzip.GzipFile('', 'wb', 9, f, mtime=0) as z:
    z.write(raw.getvalue())
