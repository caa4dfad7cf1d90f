#!/usr/bin/python3
"""Makes golden checkpoints in which other things stand beside the tensors, as training scripts leave them.

Made with Python 3.11, NumPy 1.24.2, PyTorch 1.13.1 (Debian 12): /usr/bin/python3 make_objects.py in this folder. Not needed
to build or to run the tests. In each file 'state_dict' holds w = arange(6) as [2,3] and b = arange(3).
"""
import argparse
import collections
import datetime
import decimal
import io
import os
import pathlib
import pickle
import shutil
import struct
import sys
import tempfile
import types
import zipfile

import numpy as np
import torch

here = os.path.dirname(os.path.abspath(__file__))
os.chdir(tempfile.mkdtemp())


def tensors():
    return collections.OrderedDict(w=torch.arange(6.).reshape(2, 3), b=torch.arange(3.))


def keep(name, source=None):
    shutil.copy(source or name, os.path.join(here, name))


# ---- a name that is not ASCII: PyTorch uses the file's stem in the zip
torch.save(tensors(), 'été.pth')
keep('torch_named.pth', 'été.pth')
with zipfile.ZipFile('archive_named.zip', 'w') as file:
    for entry, content in (('données/b.bin', bytes(range(256))), ('données/mots.txt', b'mots')):
        file.writestr(zipfile.ZipInfo(entry, (1980, 1, 1, 0, 0, 0)), content)
keep('archive_named.zip')

# ---- objects that are not tensors
lightning = types.ModuleType('lightning.fabric.utilities.data')


class AttributeDict(dict):
    pass


class Config:
    def __init__(self):
        self.depth, self.names = 50, ['a', 'b']


class Weird(collections.OrderedDict):
    pass


for kind in (AttributeDict, Config, Weird):
    kind.__module__, kind.__qualname__ = lightning.__name__, kind.__name__
    setattr(lightning, kind.__name__, kind)
sys.modules['lightning'] = sys.modules['lightning.fabric'] = sys.modules['lightning.fabric.utilities'] = lightning
sys.modules[lightning.__name__] = lightning

circle = {'name': 'circle'}
circle['self'] = circle
deep = {'bottom': torch.ones(1)}
for i in range(300):
    deep = {'d': deep}
shared = {'x': 1}


def objects():
    return {
        'state_dict': tensors(), 'epoch': 7,
        'args': argparse.Namespace(lr=0.1, arch='resnet50', device=torch.device('cuda:0')),
        'hyper_parameters': AttributeDict(lr=0.5, layers=[1, 2]), 'config': Config(),
        'device': torch.device('cpu'), 'output': pathlib.PurePosixPath('/tmp/x'), 'set': {3}, 'frozen': frozenset(['a']),
        'default': collections.defaultdict(list, {'k': [1]}), 'date': datetime.datetime(2024, 5, 6, 7, 8),
        'delta': datetime.timedelta(3), 'decimal': decimal.Decimal('1.25'), 'complex': 1 + 2j, 'slice': slice(1, 2),
        'range': range(3), 'criterion': torch.nn.CrossEntropyLoss(weight=torch.ones(2)), 'dtype': torch.float16,
        'type': torch.nn.Linear, 'builtin': len,
        'names': np.array(['cat', 'dog!']), 'bytes': np.array([b'x', b'yy']), 'objects': np.array([None, 'a'], dtype=object),
        'times': np.array(['2024-01-02'], dtype='M8[D]'), 'complexes': np.array([1j, 2]),
        'records': np.zeros(2, dtype=[('a', 'f4'), ('b', 'i4')]), 'text_scalar': np.str_('word'),
        'complex_tensor': torch.zeros(2, dtype=torch.complex64), 'sparse': torch.eye(3).to_sparse(),
        'quantised': torch.quantize_per_tensor(torch.arange(4.), 0.5, 1, torch.quint8),
        'nine': torch.zeros([1] * 9), (1, 'a'): 'tuple key', None: 'none key', 0.5: 'float key', True: 'bool key',
        'a.b': torch.zeros(1), 'a': {'b': torch.ones(1)}, 'circle': circle, 'deep': deep, 'weird': Weird(k=1),
        'after': torch.tensor([4., 5.]),
    }


torch.save(objects(), 'torch_objects.pth')
torch.save(objects(), 'torch_objects_4.pth', pickle_protocol=4)
torch.save(objects(), 'torch_objects_legacy.pth', _use_new_zipfile_serialization=False)
torch.save(tensors(), 'torch_protocol1.pth', pickle_protocol=1)
torch.save({'state_dict': tensors(), 'big': 1 << 70, 'small': -(1 << 70), 'flag': True, 'n': None, 'f': 0.25},
           'torch_protocol1_legacy.pth', pickle_protocol=1, _use_new_zipfile_serialization=False)
for name in ('objects', 'objects_4', 'objects_legacy', 'protocol1', 'protocol1_legacy'):
    keep(f'torch_{name}.pth')


# ---- a whole module, torch.save(model); and the format of PyTorch on other devices
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))


Net.__module__, Net.__qualname__ = lightning.__name__, 'Net'
lightning.Net = Net
net = Net()
with torch.no_grad():
    net.body[0].weight.copy_(tensors()['w'])
torch.save(net, 'torch_module.pth')
keep('torch_module.pth')


class OnDevice:
    def __reduce__(self):
        return (_rebuild_device_tensor_from_numpy, (np.arange(6, dtype='f4').reshape(2, 3), torch.float32, 'xla:0', False))


def _rebuild_device_tensor_from_numpy():
    pass


_rebuild_device_tensor_from_numpy.__module__ = 'torch._utils'
torch._utils._rebuild_device_tensor_from_numpy = _rebuild_device_tensor_from_numpy
torch.save({'w': OnDevice()}, 'torch_device.pth')
keep('torch_device.pth')

# ---- big-endian elements: every storage byte-swapped, as PyTorch on s390x writes it
torch.save({'f4': torch.arange(6.).reshape(2, 3), 't': torch.arange(6.).reshape(2, 3).t(), 'i8': torch.arange(3),
            'u1': torch.arange(4, dtype=torch.uint8), 'f2': torch.arange(3).half()}, 'little.pth')
with zipfile.ZipFile('little.pth') as source, zipfile.ZipFile('torch_big.pth', 'w') as target:
    for info in source.infolist():
        data = source.read(info)
        if '/data/' in info.filename:
            code = {'0': '4', '1': '4', '2': '8', '3': '1', '4': '2'}[info.filename[-1]]
            data = np.frombuffer(data, '<u' + code).astype('>u' + code).tobytes()
        target.writestr(zipfile.ZipInfo(info.filename, (1980, 1, 1, 0, 0, 0)), data)
    target.writestr(zipfile.ZipInfo('little/byteorder', (1980, 1, 1, 0, 0, 0)), b'big')
keep('torch_big.pth')

# ---- NumPy archives
np.savez('one.npz', features=np.arange(6, dtype='f4').reshape(2, 3))
np.savez_compressed('three.npz', images=np.arange(24, dtype='u1').reshape(2, 2, 2, 3), labels=np.arange(2), other=np.zeros(1))
for name in ('one', 'three'):
    keep(f'npz_{name}.npz', f'{name}.npz')


# ---- a compressed storage that declares 4 GB of memory in a file of a few hundred bytes
class Claim:
    def __reduce__(self):
        return (torch._utils._rebuild_tensor_v2, (ClaimStorage(), 0, (1 << 30, ), (1, ), False, collections.OrderedDict()))


class ClaimStorage:
    pass


stream = io.BytesIO()
pickler = pickle.Pickler(stream, 2)
pickler.persistent_id = lambda x: ('storage', torch.FloatStorage, '0', 'cpu', 1 << 30) if isinstance(x, ClaimStorage) else None
pickler.dump({'a': Claim()})
with zipfile.ZipFile('torch_wrong_claim.pth', 'w', zipfile.ZIP_DEFLATED) as file:
    for entry, content in (('a/data.pkl', stream.getvalue()), ('a/data/0', b'\0' * (1 << 16))):
        info = zipfile.ZipInfo(entry, (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        file.writestr(info, content)
keep('torch_wrong_claim.pth')
