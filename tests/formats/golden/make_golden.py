#!/usr/bin/python3
"""Makes the golden files of tests/formats: small files as other programs write them, and what those programs read back.

Made with Python 3.11, NumPy 1.24.2, PyTorch 1.13.1, Pillow 9.4.0 (Debian 12). Not needed to build or to run the tests.
Run it in this folder. Everything is drawn from fixed seeds or counted up, so the tests can compute what to expect.
"""
import collections
import io
import pickle
import struct
import zipfile
import zlib

import numpy as np
import torch
from PIL import Image

# ---- npy: elements count up from 0 in C order ------------------------------------------------------------------------


def save(name, array, version=(1, 0)):
    with open(name, 'wb') as file:
        np.lib.format.write_array(file, array, version=version)


def count(dtype, *shape):
    return np.arange(int(np.prod(shape))).astype(dtype).reshape(shape)


for code in ('u1', 'i1', 'u2', 'i2', 'u4', 'i4', 'u8', 'i8', 'f2', 'f4', 'f8'):
    save(f'npy_{code}.npy', count(code, 3, 4))
save('npy_b1.npy', count('u1', 3, 4) % 2 == 1)
save('npy_scalar.npy', np.float32(2.5).reshape(()))
save('npy_empty.npy', np.zeros((0, 4), 'f4'))
save('npy_fortran.npy', np.asfortranarray(count('f4', 2, 3, 4)))
save('npy_big.npy', count('>i4', 3, 4))
save('npy_big_fortran.npy', np.asfortranarray(count('>f8', 3, 4)))
save('npy_v2.npy', count('f4', 3, 4), (2, 0))
save('npy_v3.npy', count('f4', 3, 4), (3, 0))
save('npy_8d.npy', count('u1', 1, 2, 1, 3, 1, 2, 1, 2))
old = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 4L), }"  # NumPy 1.x under Python 2: 16-byte alignment
old += b' ' * (-(10 + len(old) + 1) % 16) + b'\n'
open('npy_old.npy', 'wb').write(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(old)) + old + count('f4', 3, 4).tobytes())

# ---- PyTorch checkpoints ---------------------------------------------------------------------------------------------


def numbers(dtype, *shape):
    return torch.arange(int(np.prod(shape))).to(dtype).reshape(shape)


base = numbers(torch.float32, 4, 6)
checkpoint = {
    'state_dict': collections.OrderedDict(
        f32=numbers(torch.float32, 2, 3), f64=numbers(torch.float64, 2, 3), f16=numbers(torch.float16, 2, 3),
        bf16=numbers(torch.bfloat16, 2, 3), i64=numbers(torch.int64, 2, 3), i32=numbers(torch.int32, 2, 3),
        i16=numbers(torch.int16, 2, 3), i8=numbers(torch.int8, 2, 3), u8=numbers(torch.uint8, 2, 3),
        flags=torch.tensor([True, False, True]), scalar=torch.tensor(7), empty=torch.zeros(0, 4),
        whole=base, transposed=base.t(), row=base[2], column=base[:, 1], block=base[1:3, 2:5],
        expanded=torch.tensor([5.0]).expand(3, 2), parameter=torch.nn.Parameter(numbers(torch.float32, 2, 3))),
    'epoch': 3, 'lr': 0.1, 'arch': 'r\u00e9sidu', 'ema': True, 'best': np.float64(91.5), 'nothing': None,
    'betas': (0.9, 0.999), 'sizes': torch.Size([2, 3]), 'counts': np.arange(6, dtype='>i2').reshape(2, 3),
    'nested': {'list': [numbers(torch.float32, 2), {'deep': numbers(torch.float32, 3)}], 5: 'five'},
}
torch.save(checkpoint, 'torch_zip.pth')
torch.save(checkpoint, 'torch_legacy.pth', _use_new_zipfile_serialization=False)
torch.save(checkpoint, 'torch_protocol4.pth', pickle_protocol=4)
torch.save(numbers(torch.float32, 2, 3), 'torch_bare.pth')


def zipped_again(name, compression, zip64):
    with zipfile.ZipFile('torch_bare.pth') as old_zip, zipfile.ZipFile(name, 'w', compression) as new_zip:
        for info in old_zip.infolist():
            entry = zipfile.ZipInfo(info.filename, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = compression
            with new_zip.open(entry, 'w', force_zip64=zip64) as file:
                file.write(old_zip.read(info))


zipped_again('torch_zip64.pth', zipfile.ZIP_STORED, True)
zipped_again('torch_deflated.pth', zipfile.ZIP_DEFLATED, False)


# Newer versions write dtypes without a storage class of their own as _rebuild_tensor_v3 on an untyped storage.
def _rebuild_tensor_v3():
    pass


class Named:
    def __init__(self, name):
        self.name = name

    def __reduce__(self):
        return self.name


class V3:
    def __init__(self, storage, dtype):
        self.arguments = (storage, 1, (2, 2), (2, 1), False, collections.OrderedDict(), dtype)

    def __reduce__(self):
        return (_rebuild_tensor_v3, self.arguments)


class Storage:
    pass


_rebuild_tensor_v3.__module__ = 'torch._utils'
torch._utils._rebuild_tensor_v3 = _rebuild_tensor_v3
Named.__module__ = 'torch'
torch.uint16 = Named('uint16')
UntypedStorage = type('UntypedStorage', (), {'__module__': 'torch.storage'})
torch.storage.UntypedStorage = UntypedStorage
stream = io.BytesIO()
pickler = pickle.Pickler(stream, 2)
pickler.persistent_id = lambda x: ('storage', UntypedStorage, '0', 'cpu', 10) if isinstance(x, Storage) else None
pickler.dump({'u16': V3(Storage(), torch.uint16)})
with zipfile.ZipFile('torch_v3.pth', 'w') as file:
    for entry, data in (('a/data.pkl', stream.getvalue()), ('a/byteorder', b'little'),
                        ('a/data/0', np.arange(5, dtype='<u2').tobytes()), ('a/version', b'3\n')):
        file.writestr(zipfile.ZipInfo(entry, (1980, 1, 1, 0, 0, 0)), data)

# ---- pickles ---------------------------------------------------------------------------------------------------------

mixed = {
    'list': [1, -2, 300, 70000, -70000, 1 << 40, 1 << 70], 'tuple': (), 'float': -0.5, 'text': 'f\u00fcr \u20ac',
    'bytes': b'\x00\xff\x80', 'empty': b'', 'array': bytearray(b'ab'), 'bools': (True, False, None),
    'f4': np.arange(6, dtype='<f4').reshape(2, 3), 'big': np.arange(6, dtype='>i4').reshape(2, 3),
    'fortran': np.asfortranarray(np.arange(6, dtype='<f8').reshape(2, 3)), 'numbers':
    [np.int8(-3), np.uint16(60000), np.int64(-1 << 40), np.float16(0.5), np.float32(1.5), np.float64(2.5), np.bool_(True)],
    'ordered': collections.OrderedDict([('a', 1), ('b', 2)]), 'counter': collections.Counter('aab'), b'raw': 'key',
}
mixed['shared'] = mixed['list']
for protocol in (2, 3, 4, 5):
    with open(f'pickle_{protocol}.pkl', 'wb') as file:
        pickle.dump(mixed, file, protocol=protocol)


def python2_batch(n):
    """A CIFAR-10 batch as Python 2's cPickle wrote it: protocol 2, byte strings, binary opcodes."""
    pixels = (np.arange(n * 3072) % 251).astype(np.uint8).tobytes()

    def string(text):
        text = text if isinstance(text, bytes) else text.encode()
        return b'U' + bytes([len(text)]) + text if len(text) < 256 else b'T' + struct.pack('<i', len(text)) + text

    data = (b'cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85' + string('b') + b'\x87Rq\x03'
            b'(K\x01K' + bytes([n]) + b'M\x00\x0c\x86cnumpy\ndtype\nq\x04' + string('u1') + b'K\x00K\x01\x87Rq\x05'
            b'(K\x03' + string('|') + b'NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89' + string(pixels) + b'tb')
    labels = b']q\x06(' + b''.join(b'K' + bytes([i % 10]) for i in range(n)) + b'e'
    names = b']q\x07(' + b''.join(string(f'image_s_{i:06d}.png') for i in range(n)) + b'e'
    return (b'\x80\x02}q\x08(' + string('data') + data + string('labels') + labels + string('batch_label') +
            string('training batch 1 of 5') + string('filenames') + names + string('big') + b'I4294967296\n' + b'u.')


open('pickle_cifar.pkl', 'wb').write(python2_batch(4))

# ---- images: Pillow's pixels are stored next to each as NAME.npy
# ------------------------------------------------------

noise = np.random.RandomState(0).randint(0, 256, (13, 17, 4)).astype(np.uint8)
ramp = np.add.outer(np.arange(29) * 7, np.arange(37) * 5)[..., None] + np.array([0, 60, 120])
ramp = (ramp % 256).astype(np.uint8)
rgba = Image.fromarray(noise, 'RGBA')


def png(name, width, height, bits, colour, rows, interlaced=False, palette=None):
    """A PNG written by hand, for what Pillow cannot write; rows(x0, y0, dx, dy) gives the bytes of one pass' rows."""
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))

    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    raw = b''
    for x0, y0, dx, dy in passes if interlaced else [(0, 0, 1, 1)]:
        if x0 < width and y0 < height:
            raw += b''.join(b'\0' + row for row in rows(x0, y0, dx, dy))
    with open(name, 'wb') as file:
        file.write(b'\x89PNG\r\n\x1a\n' +
                   chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, bits, colour, 0, 0, interlaced)) +
                   (chunk(b'PLTE', palette) if palette else b'') + chunk(b'IDAT', zlib.compress(raw, 9)) + chunk(b'IEND', b''))


wide = np.random.RandomState(1).randint(0, 65536, (13, 17, 4)).astype('>u2')
wide[..., 0] //= np.uint16(150)  # grey that is partly below 256
for mode in ('1', 'L', 'LA', 'P', 'RGB', 'RGBA'):
    rgba.convert(mode).save(f'image_{mode}.png')
rgba.convert('RGB').quantize(3).save('image_P2.png', bits=2)
rgba.convert('RGB').quantize(13).save('image_P4.png', bits=4)
png('image_I16.png', 17, 13, 16, 0, lambda x, y, dx, dy: [r.tobytes() for r in wide[y::dy, x::dx, 0]])
png('image_LA16.png', 17, 13, 16, 4, lambda x, y, dx, dy: [r.tobytes() for r in wide[y::dy, x::dx, 1:3]])
png('image_RGB16.png', 17, 13, 16, 2, lambda x, y, dx, dy: [r.tobytes() for r in wide[y::dy, x::dx, :3]])
png('image_RGBA16.png', 17, 13, 16, 6, lambda x, y, dx, dy: [r.tobytes() for r in wide[y::dy, x::dx]])
png('image_I16_interlaced.png', 17, 13, 16, 0, lambda x, y, dx, dy: [r.tobytes() for r in wide[y::dy, x::dx, 0]], True)
png('image_RGB_interlaced.png', 17, 13, 8, 2, lambda x, y, dx, dy: [r.tobytes() for r in noise[y::dy, x::dx, :3]], True)
png('image_L2.png', 16, 13, 2, 0, lambda x, y, dx, dy: [r.tobytes() for r in noise[y::dy, :4, 0]])
png('image_L4.png', 16, 13, 4, 0, lambda x, y, dx, dy: [r.tobytes() for r in noise[y::dy, :8, 0]])
png('image_P_beyond.png', 17, 13, 8, 3, lambda x, y, dx, dy: [r.tobytes() for r in noise[y::dy, x::dx, 0]],
    palette=bytes(range(100, 190)))
photo = Image.fromarray(ramp)
photo.save('image_95.jpg', quality=95)
photo.save('image_30.jpg', quality=30)
photo.save('image_444.jpg', quality=80, subsampling=0)
photo.save('image_progressive.jpg', progressive=True)
photo.convert('L').save('image_L.jpg')
photo.convert('CMYK').save('image_CMYK.jpg')
for name in ('1.png L.png LA.png P.png RGB.png RGBA.png P2.png P4.png I16.png LA16.png RGB16.png RGBA16.png '
             'I16_interlaced.png RGB_interlaced.png L2.png L4.png P_beyond.png '
             '95.jpg 30.jpg 444.jpg progressive.jpg L.jpg CMYK.jpg').split():
    np.save(f'image_{name}.npy', np.array(Image.open(f'image_{name}').convert('RGB')))

# ---- PyTorch zips with one error each
# ---------------------------------------------------------------------------------


class System:
    def __reduce__(self):
        import os
        return (os.system, ('echo never',))


class Fake:
    """Pickles as a float32 tensor of this shape and stride on storage '0' of `count` elements."""

    def __init__(self, shape=(2, 3), stride=(3, 1), count=6):
        self.arguments = (FakeStorage(count), 0, shape, stride, False, collections.OrderedDict())

    def __reduce__(self):
        return (torch._utils._rebuild_tensor_v2, self.arguments)


class FakeStorage:
    def __init__(self, count):
        self.count = count


def write_zip(name, value, entries, byteorder=b'little'):
    data = io.BytesIO()
    writer = pickle.Pickler(data, 2)
    writer.persistent_id = lambda x: (('storage', torch.FloatStorage, '0', 'cpu', x.count)
                                      if isinstance(x, FakeStorage) else None)
    writer.dump(value)
    with zipfile.ZipFile(name, 'w') as file:
        for entry, content in [('a/data.pkl', data.getvalue()), ('a/byteorder', byteorder)] + entries:
            entry = zipfile.ZipInfo(entry, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED if len(content) > 1000 else zipfile.ZIP_STORED
            file.writestr(entry, content)


floats = np.arange(6, dtype='<f4').tobytes()
storage = [('a/data/0', floats)]
write_zip('torch_wrong_order.pth', {'a': Fake()}, storage, b'middle')
write_zip('torch_wrong_missing.pth', {'a': Fake()}, [])
write_zip('torch_wrong_short.pth', {'a': Fake()}, [('a/data/0', floats[:-4])])
write_zip('torch_wrong_long.pth', {'a': Fake()}, [('a/data/0', floats + b'more')])
write_zip('torch_wrong_bomb.pth', {'a': Fake()}, [('a/data/0', b'\0' * (1 << 20))])
write_zip('torch_wrong_twice.pth', {'a': Fake()}, storage + storage)
write_zip('torch_wrong_call.pth', {'a': System()}, storage)
write_zip('torch_wrong_none.pth', {'a': 1}, storage)
write_zip('torch_wrong_spread.pth', {'a': Fake((1 << 20, 1 << 20), (0, 0))}, storage)

# ---- archives: the same three entries ----------------------------------------------------------------------------------

import tarfile  # noqa: E402

contents = [('set/a.txt', b'first\n'), ('set/b.bin', bytes(range(256)) * 20), ('set/empty', b'')]


def write_tar(name, mode, **options):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode, format=tarfile.PAX_FORMAT, **options) as file:
        folder = tarfile.TarInfo('set')
        folder.type = tarfile.DIRTYPE
        file.addfile(folder)
        for entry, content in contents:
            info = tarfile.TarInfo(entry)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo('set/link')
        link.type, link.linkname = tarfile.SYMTYPE, 'a.txt'
        file.addfile(link)
        link = tarfile.TarInfo('set/hard')
        link.type, link.linkname = tarfile.LNKTYPE, 'set/a.txt'
        file.addfile(link)
    data = bytearray(stream.getvalue())
    if mode == 'w:gz':
        data[4:8] = b'\0\0\0\0'  # the time of making
    open(name, 'wb').write(data)


write_tar('archive.tar', 'w')
write_tar('archive.tar.gz', 'w:gz')
write_tar('archive.tar.bz2', 'w:bz2')
write_tar('archive.tar.xz', 'w:xz')
with zipfile.ZipFile('archive.zip', 'w') as file:
    for i, (entry, content) in enumerate(contents):
        info = zipfile.ZipInfo(entry, (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED if i == 1 else zipfile.ZIP_STORED
        file.writestr(info, content)
