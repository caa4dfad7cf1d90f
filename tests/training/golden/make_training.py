#!/usr/bin/env python3
"""Golden values of training, from PyTorch, for tests/training/test_training_parity.c.

    RESHIFT_DATA=DIR ./make_training.py [probe|weighted|scratch|resnet50 ...]     # writes training-PART.safetensors beside this file
    KEEP_LOSSES=1 ...                                                    # renews gradients only, losses stay as they are

Made with Python 3.11, PyTorch 1.13.0, torchvision 0.14.1, NumPy 1.24.2 (Debian 12), float32, one thread.

  probe     softmax regression on made-up features: one batch for 50 steps; 500 rows for 5 shuffled epochs
  weighted  the latter with class weights
  scratch   ResNet-18 at 64x64 on made-up images, weights from the hash: all blocks trained, batch norm training, 100
            steps; layer4+fc trained under a bare model.train() (statistics of every block move), 20 steps
  resnet50  layer4+fc of the real ResNet-50 on 400 clean CIFAR-10 test images at 224, head from the hash, 100 steps:
            with batch norm frozen, and training in layer4 (m.eval(); m.layer4.train()); before, the features of 8 images

Everything made up comes from one hash of integers, so that the C test makes the same bits by itself. Gradients are those
of one batch of two rows. A gradient jumps where the input of a ReLU changes its sign, or where two values of a pooling
window change their order: one sign of a million moves it by 1e-3 to 5e-3, and rounding decides signs of values below some
1e-6. Rows that are picked at random have such a value. So the two rows are, of 1,000 draws, those that keep farthest from
every jump, and the float32 gradients of any order of sums agree to 1e-5.

Tensors of up to 512 elements are here in full; larger ones as a count sketch (Charikar, Chen & Farach-Colton 2002):
element i is added with a sign of hash(i) into one of 512 buckets. The sketch is linear, so the squared norm of the
difference of two sketches estimates the squared norm of the difference of two gradients without bias and with relative
standard deviation sqrt(2/512).
"""
import copy
import json
import os
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F
import torchvision

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.environ.get('RESHIFT_DATA', '')
BUCKETS = 512


def mix(x):
    """The finaliser of MurmurHash3 on uint32."""
    x = np.asarray(x, np.uint32).copy()
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x85ebca6b)
    x ^= x >> np.uint32(13)
    x *= np.uint32(0xc2b2ae35)
    x ^= x >> np.uint32(16)
    return x


def hash2(stream, index):
    """Element `index` of stream `stream`."""
    with np.errstate(over='ignore'):
        return mix(np.asarray(index, np.uint32) + mix(np.uint32(stream)) * np.uint32(0x9e3779b9))


def uniform(stream, n):
    """n float32 in [-1, 1): 24 bits each, exact."""
    h = hash2(stream, np.arange(n, dtype=np.uint32)) >> np.uint32(8)
    return (h.astype(np.float32) * np.float32(2.0 ** -23)) - np.float32(1)


def permutation(stream, n):
    """0..n-1 in the order of their hashes."""
    return np.argsort(hash2(stream, np.arange(n, dtype=np.uint32)), kind='stable')


def sketch(values):
    flat = values.detach().double().numpy().ravel()
    if flat.size <= BUCKETS:
        return flat
    h = hash2(77, np.arange(flat.size, dtype=np.uint32))
    signs = 1.0 - 2.0 * ((h >> np.uint32(9)) & np.uint32(1))
    return np.bincount(h & np.uint32(BUCKETS - 1), weights=flat * signs, minlength=BUCKETS)


def save(part, arrays):
    header, blobs, at = {}, [], 0
    for name, array in arrays.items():
        array = np.ascontiguousarray(array)
        kind = {'float32': 'F32', 'float64': 'F64', 'int64': 'I64'}[str(array.dtype)]
        header[name] = {'dtype': kind, 'shape': list(array.shape), 'data_offsets': [at, at + array.nbytes]}
        blobs.append(array.tobytes())
        at += array.nbytes
    header['__metadata__'] = {'made by': os.path.basename(sys.argv[0]), 'torch': torch.__version__,
                              'torchvision': torchvision.__version__, 'numpy': np.__version__}
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    with open(os.path.join(HERE, f'training-{part}.safetensors'), 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text + b''.join(blobs))
    print(part, sum(map(len, blobs)), 'bytes')


# ---- probe ----

def features(n, d, classes):
    """ReLU-like rows around a made-up centre of each class: float32 operations that the C test repeats bit for bit."""
    labels = (hash2(1, np.arange(n, dtype=np.uint32)) % np.uint32(classes)).astype(np.int64)
    centres = uniform(2, classes * d).reshape(classes, d)
    rows = uniform(3, n * d).reshape(n, d) + centres[labels] * np.float32(0.5) - np.float32(0.25)
    return np.maximum(rows, np.float32(0)), labels


def probe(n, d, classes, epochs, batch, weights=None):
    x, y = features(n, d, classes)
    layer = torch.nn.Linear(d, classes)
    bound = np.float32(1 / np.sqrt(np.float64(d)))
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(uniform(4, classes * d).reshape(classes, d) * bound))
        layer.bias.copy_(torch.from_numpy(uniform(5, classes) * bound))
    adam = torch.optim.Adam(layer.parameters(), lr=1e-3)
    x, y, history = torch.from_numpy(x), torch.from_numpy(y), []
    for epoch in range(epochs):
        order = torch.from_numpy(permutation(100 + epoch, n))
        loss_sum = hits = weight_sum = 0
        for start in range(0, n, batch):
            rows = order[start:start + batch]
            logits = layer(x[rows])
            loss = F.cross_entropy(logits, y[rows], weight=weights)
            batch_weight = len(rows) if weights is None else weights[y[rows]].sum().item()
            adam.zero_grad()
            loss.backward()
            adam.step()
            loss_sum += loss.item() * batch_weight
            weight_sum += batch_weight
            hits += (logits.argmax(1) == y[rows]).sum().item()
        history.append((loss_sum / weight_sum, hits / n))
    return np.array(history), layer


def make_probe():
    out = {}
    for name, n, epochs in (('one', 64, 50), ('many', 500, 5)):
        history, layer = probe(n, 256, 10, epochs, 64)
        out[f'{name}.history'] = history
        out[f'{name}.weight'] = layer.weight.detach().numpy()
        out[f'{name}.bias'] = layer.bias.detach().numpy()
        print(name, history[0], history[-1])
    save('probe', out)


def make_weighted():
    """Class k counts k / 4: class 0 not at all."""
    history, layer = probe(500, 256, 10, 5, 64, torch.arange(10, dtype=torch.float32) / 4)
    print('weighted', history[0], history[-1])
    save('weighted', {'weighted.history': history, 'weighted.weight': layer.weight.detach().numpy(),
                      'weighted.bias': layer.bias.detach().numpy()})


# ---- networks ----

def watch_jumps(network):
    """The list that every later forward fills with the values whose sign decides a gradient, and the hooks that fill it."""
    values, handles = [], []

    def of_pool(_, x):
        windows = F.unfold(F.pad(x[0], (1, 1, 1, 1)).flatten(0, 1).unsqueeze(1), 3, stride=2)
        first, second = windows.topk(2, dim=1).values.unbind(1)
        values.append((first - second)[first > 0])  # what is zero has no gradient, whichever is taken

    for module in network.modules():
        if isinstance(module, torch.nn.ReLU):
            handles.append(module.register_forward_pre_hook(lambda _, x: values.append(x[0].flatten())))
        elif isinstance(module, torch.nn.MaxPool2d):
            handles.append(module.register_forward_pre_hook(of_pool))
    return values, handles


def pick_rows(forward, network, rows, noise, candidates=1000):
    """
    Of so many draws of two rows the one that keeps farthest from every jump of the gradient, in units of the deviation that
    rounding gives the value concerned: that of a float32 forward from inputs with a relative error of `noise` to an exact
    one. Returns the rows and how far they keep. The network stays as it is.
    """
    kept = {k: v.clone() for k, v in network.state_dict().items()}
    random = torch.Generator().manual_seed(1)
    best, units = (-1, 0), None
    above, exact = copy.deepcopy((forward, network))
    exact.double()
    values, handles = watch_jumps(network)
    exact_values, _ = watch_jumps(exact)
    with torch.no_grad():
        for draw in range(candidates):
            pick = torch.from_numpy(permutation(500 + draw, len(rows))[:2])
            x = rows[pick]
            if units is None:
                forward(x + noise * x.square().mean().sqrt() * torch.randn(x.shape, generator=random))
                above(x.double())
                # a pool's windows are as many as their largest value is positive: their error is that of the ReLU before
                units = [(a.double() - b).square().mean().sqrt().item() if len(a) == len(b) else None
                         for a, b in zip(values, exact_values)]
                units = [u if u else units[i - 1] for i, u in enumerate(units)]
            values.clear()
            forward(x)
            margin = min((v.abs().min() / unit).item() for v, unit in zip(values, units))
            best = max(best, (margin, draw))
    for handle in handles:
        handle.remove()
    network.load_state_dict(kept)
    return permutation(500 + best[1], len(rows))[:2], best[0]


def gradients(forward, network, trained, rows, labels):
    """Loss, gradients and, where the batch moves them, running statistics of one batch on copies in two precisions."""
    result = []
    for dtype in (torch.float32, torch.float64):
        above, whole = copy.deepcopy((forward, network))
        whole.to(dtype)
        for p in whole.parameters():
            p.grad = None
        loss = F.cross_entropy(above(rows.to(dtype)), labels)
        loss.backward()
        result.append((loss.item(), {n: p.grad for n, p in whole.named_parameters() if n in trained},
                       {n: b.clone() for n, b in whole.named_buffers()}))
    return result


def train(part, forward, network, groups, rows, noise, labels, orders, batch, out, name, steps):
    """The gradients of one picked batch, and the losses of `steps` steps, go to `out`."""
    names = {id(p): n for n, p in network.named_parameters()}
    trained = {names[id(p)] for group in groups for p in group['params']}
    pick, held = pick_rows(forward, network, rows, noise)
    (loss, single, buffers), (_, double, _) = gradients(forward, network, trained, rows[torch.from_numpy(pick)],
                                                        labels[torch.from_numpy(pick)])
    off = {n: ((single[n].double() - double[n]).norm() / double[n].norm()).item() for n in trained}
    print(name, 'rows', pick, 'keep', round(held, 1), 'deviations from every jump;', 'float32 from float64:', max((v, n) for n, v in off.items()), flush=True)
    out[f'{name}.rows'] = pick.astype(np.int64)
    out[f'{name}.first_loss'] = np.array([loss])
    for n in sorted(trained):
        out[f'{name}.gradient.{n}'] = sketch(single[n]).astype(np.float32)
        out[f'{name}.norm.{n}'] = np.array([single[n].double().norm().item()])
    for n, b in buffers.items():
        if n.startswith(('bn1.running', 'layer4.0.bn1.running')):
            out[f'{name}.buffer.{n}'] = b.numpy()
    if os.environ.get('KEEP_LOSSES'):
        out[f'{name}.loss'] = load_safetensors(os.path.join(HERE, f'training-{part}.safetensors'))[f'{name}.loss'].numpy()
        return
    adam = torch.optim.Adam(groups)
    losses = []
    for order in orders:
        for start in range(0, len(order), batch):
            if len(losses) == steps:
                break
            at = torch.from_numpy(order[start:start + batch])
            loss = F.cross_entropy(forward(rows[at]), labels[at])
            adam.zero_grad()
            loss.backward()
            adam.step()
            losses.append(loss.item())
            if len(losses) % 10 == 1:
                print(name, len(losses), losses[-1], flush=True)
    out[f'{name}.loss'] = np.array(losses)


def made_up_images(n, size, classes):
    """uint8: a coarse pattern of the class and noise of the image."""
    labels = (hash2(1, np.arange(n, dtype=np.uint32)) % np.uint32(classes)).astype(np.int64)
    pattern = (hash2(10, np.arange(classes * 8 * 8 * 3, dtype=np.uint32)) & np.uint32(127)).reshape(classes, 8, 8, 3)
    pattern = pattern.repeat(size // 8, 1).repeat(size // 8, 2)
    noise = (hash2(11, np.arange(n * size * size * 3, dtype=np.uint32)) & np.uint32(127)).reshape(n, size, size, 3)
    return (pattern[labels] + noise).astype(np.uint8), labels


def normalise(images):
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    return x, mean, std


def stream_of(name):
    h = np.uint32(0)
    with np.errstate(over='ignore'):
        for byte in name.encode():
            h = mix(h * np.uint32(31) + np.uint32(byte))[()]
    return h


def hashed_weights(network):
    """Convolutions and fc uniform with Kaiming's deviation sqrt(2 / fan-out), each from its name's stream; batch norm 1, 0."""
    with torch.no_grad():
        for name, p in network.named_parameters():
            if p.dim() == 4:
                bound = np.float32(np.sqrt(6.0 / (p.shape[0] * p.shape[2] * p.shape[3])))
                p.copy_(torch.from_numpy(uniform(stream_of(name), p.numel()) * bound).view_as(p))
            elif name.startswith('fc.'):
                bound = np.float32(1 / np.sqrt(np.float64(network.fc.in_features)))
                p.copy_(torch.from_numpy(uniform(stream_of(name), p.numel()) * bound).view_as(p))
            else:
                p.fill_(1.0 if name.endswith('weight') else 0.0)


def make_scratch():
    images, labels = made_up_images(160, 64, 10)
    x, mean, std = normalise(images)
    x, labels = (x - mean) / std, torch.from_numpy(labels)
    orders = [permutation(200 + e, 160) for e in range(10)]
    out = {}
    network = torchvision.models.resnet18(num_classes=10)
    hashed_weights(network)
    network.train()
    groups = [{'params': list(network.parameters()), 'lr': 3e-5}]
    train('scratch', network, network, groups, x, 1e-6, labels, orders, 16, out, 'full', 100)
    network = torchvision.models.resnet18(num_classes=10)
    hashed_weights(network)
    network.train()
    for name, p in network.named_parameters():
        p.requires_grad = name.startswith(('layer4', 'fc'))
    groups = [{'params': list(network.layer4.parameters()), 'lr': 1e-4},
              {'params': list(network.fc.parameters()), 'lr': 1e-3}]
    train('scratch', network, network, groups, x, 1e-6, labels, orders, 16, out, 'bare', 20)
    save('scratch', out)


def load_safetensors(path):
    with open(path, 'rb') as file:
        size = struct.unpack('<Q', file.read(8))[0]
        header = json.loads(file.read(size))
        body = file.read()
    kinds = {'F32': np.float32, 'F64': np.float64, 'I64': np.int64}
    return {name: torch.from_numpy(np.frombuffer(body[slice(*t['data_offsets'])], kinds[t['dtype']])
                                   .reshape(t['shape']).copy())
            for name, t in header.items() if name != '__metadata__'}


def make_resnet50():
    raw = np.fromfile(os.path.join(DATA, 'cifar-10-batches-bin', 'test_batch.bin'), np.uint8).reshape(-1, 3073)[:400]
    labels = torch.from_numpy(raw[:, 0].astype(np.int64))
    images = raw[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    x, mean, std = normalise(np.ascontiguousarray(images))
    weights = load_safetensors(os.path.join(DATA, 'weights', 'resnet50.safetensors'))
    orders = [permutation(300 + e, 400) for e in range(4)]
    out, rows = {}, None
    for name in ('frozen', 'training'):
        network = torchvision.models.resnet50()
        network.load_state_dict(weights, strict=False)
        network.fc = torch.nn.Linear(2048, 10)
        bound = np.float32(1 / np.sqrt(np.float64(2048)))
        with torch.no_grad():
            network.fc.weight.copy_(torch.from_numpy(uniform(20, 20480).reshape(10, 2048) * bound))
            network.fc.bias.copy_(torch.from_numpy(uniform(21, 10) * bound))
        network.eval()
        if rows is None:
            with torch.no_grad():
                full = torch.nn.Sequential(*list(network.children())[:-1], torch.nn.Flatten(1))
                first = (F.interpolate(x[:8], size=224, mode='bilinear', align_corners=False) - mean) / std
                out['features'] = full(first).numpy()
        if name == 'training':
            network.layer4.train()
        if rows is None:
            with torch.no_grad():
                below = torch.nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool, network.layer1,
                                            network.layer2, network.layer3)
                rows = torch.cat([below((F.interpolate(b, size=224, mode='bilinear', align_corners=False) - mean) / std)
                                  for b in x.split(16)])
        above = torch.nn.Sequential(network.layer4, network.avgpool, torch.nn.Flatten(1), network.fc)
        groups = [{'params': list(network.layer4.parameters()), 'lr': 1e-4},
                  {'params': list(network.fc.parameters()), 'lr': 1e-3}]
        train('resnet50', above, network, groups, rows, 4e-6, labels, orders, 16, out, name, 100)
    save('resnet50', out)


if __name__ == '__main__':
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', '1')))
    for part in sys.argv[1:] or ('probe', 'weighted', 'scratch', 'resnet50'):
        {'probe': make_probe, 'weighted': make_weighted, 'scratch': make_scratch, 'resnet50': make_resnet50}[part]()
