#!/usr/bin/python3
"""Made-up CIFAR-10 archives in the official layouts, and damaged pickles. Run in this folder.

Written with Python 3.11 and NumPy 1.24. The pickles are what Python 2 wrote (protocol 2, str as raw bytes): Python 3
cannot write such, so the opcodes are put down here one by one and read back with pickle.loads(encoding='bytes').
"""
import gzip
import io
import pickle
import struct
import tarfile

import numpy as np

N = 10000
labels = [i % 10 for i in range(N)]
data = np.empty((N, 3, 1024), np.uint8)
data[:, 0] = (np.arange(N) & 255)[:, None]
data[:, 1] = (np.arange(N) >> 8)[:, None]
data[:, 2] = 7
data = data.reshape(N, 3072)


def text(s):  # Python 2's str
    s = s if isinstance(s, bytes) else s.encode()
    return b'U' + bytes([len(s)]) + s if len(s) < 256 else b'T' + struct.pack('<i', len(s)) + s


def integer(i):
    return b'K' + bytes([i]) if 0 <= i < 256 else b'M' + struct.pack('<H', i) if 0 <= i < 65536 else b'J' + struct.pack('<i', i)


def array(a):
    shape = b''.join(integer(n) for n in a.shape)
    shape = shape + (b'\x86' if a.ndim == 2 else b'\x85')
    dtype = b'cnumpy\ndtype\n' + text(a.dtype.str[1:]) + b'K\x00K\x01\x87R(K\x03' + text(a.dtype.str[0]) + b'NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb'
    return (b'cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85' + text('b') + b'\x87R' +
            b'(K\x01' + shape + dtype + b'\x89' + text(a.tobytes()) + b'tb')


def list_of(items):
    return b']' + b''.join(b'(' + b''.join(items[i:i + 1000]) + b'e' for i in range(0, len(items), 1000))


def dict_of(pairs):
    return b'}(' + b''.join(text(k) + v for k, v in pairs) + b'u'


def batch(labels_value, data_value):
    pairs = [('batch_label', text('testing batch 1 of 1'))]
    if labels_value is not None:
        pairs.append(('labels', labels_value))
    if data_value is not None:
        pairs.append(('data', data_value))
    pairs.append(('filenames', list_of([text('a_%d.png' % i) for i in range(3)])))
    return b'\x80\x02' + dict_of(pairs) + b'.'


def archive(name, entries):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode='w', format=tarfile.USTAR_FORMAT) as tar:
        for entry, content in entries:
            info = tarfile.TarInfo(entry)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    with open(name, 'wb') as f, gzip.GzipFile('', 'wb', 9, f, mtime=0) as z:
        z.write(raw.getvalue())


good = batch(list_of([integer(i) for i in labels]), array(data))
back = pickle.loads(good, encoding='bytes')
assert back[b'labels'] == labels and (back[b'data'] == data).all() and back[b'data'].dtype == np.uint8
archive('cifar-made-up-python.tar.gz', [('cifar-10-batches-py/batches.meta', b'not read'),
                                        ('cifar-10-batches-py/test_batch', good)])
# Saved again with NumPy: labels as an array of one column, data in Fortran order.
archive('cifar-made-up-arrays.tar.gz', [('cifar-10-batches-py/test_batch', pickle.dumps(
    {'labels': np.array(labels, np.int64)[:, None], 'data': np.asfortranarray(data)}, protocol=4))])
records = np.concatenate([np.array(labels, np.uint8)[:, None], data], axis=1)
archive('cifar-made-up-binary.tar.gz', [('cifar-10-batches-bin/batches.meta.txt', b'not read'),
                                        ('cifar-10-batches-bin/test_batch.bin', records.tobytes())])

fine_labels, small = list_of([integer(i) for i in labels]), array(data[:2])
high, negative = list(labels), list(labels)
high[9999], negative[5] = 10, -1
damaged = {
    'no-dict': b'\x80\x02' + list_of([integer(1)]) + b'.',
    'no-labels': batch(None, small),
    'labels-text': batch(text('0123'), small),
    'labels-short': batch(list_of([integer(i) for i in (1, 2, 3)]), small),
    'labels-high': batch(list_of([integer(i) for i in high]), small),
    'labels-negative': batch(list_of([integer(i) for i in negative]), small),
    'labels-words': batch(list_of([text('cat')] * N), small),
    'no-data': batch(fine_labels, None),
    'data-list': batch(fine_labels, list_of([integer(1)])),
    'data-shape': batch(fine_labels, small),
    'data-float': batch(fine_labels, array(data[:2].astype('<f4'))),
    'labels-array-high': batch(array(np.array(high, '<i4')), small),
    'labels-array-float': batch(array(np.array(labels[:2], '<f4')), small),
}
for content in damaged.values():
    pickle.loads(content, encoding='bytes')
archive('cifar-damaged-pickles.tar.gz', sorted(damaged.items()))
