#!/usr/bin/env python3
"""Golden values of adaptation while testing, from PyTorch, for tests/training/test_adapt.c.

    ./make_adapt.py     # writes adapt.safetensors and adapt_merged.safetensors beside this file

Made with Python 3.11, PyTorch 1.13.0, torchvision 0.14.1, NumPy 1.24.2 (Debian 12), float32, one thread.

A ResNet-18 with the made-up weights and images of make_training.py (64x64, 100 images, batches of 32 and a last one of
4), and made-up running statistics. Logits of every image:

  bn         model.train() for batch norm only: the batch's statistics
  mixed      running statistics count as 32 images beside the batch's n: 32/(32+n) of theirs and n/(32+n) of the batch's
             mean and biased variance (Schneider et al. 2020)
  tent-adam  tent.py of the method's authors, rewritten: batch statistics, entropy of the softmax, one step of Adam (0.001)
             on scale and shift after each batch, whose logits are those before the step (Wang et al. 2021)
  tent-sgd   the same with SGD, rate 1, momentum 0.9

And in adapt_merged.safetensors, with batches of 33, 33 and 34, since a single image left over joins the batch before:

  bn, tent-sgd    as above, with a rate of 0.1
  alone           bn with 33, 33, 33 and a last batch of that one image, as a DataLoader makes them (drop_last=False)
"""
import json
import os
import struct

import numpy as np
import torch
import torch.nn.functional as F
import torchvision

import make_training as made

N, BATCH = 100, 32


def network():
    net = torchvision.models.resnet18(num_classes=10)
    made.hashed_weights(net)
    with torch.no_grad():
        for name, b in net.named_buffers():
            if name.endswith('running_mean'):
                b.copy_(torch.from_numpy(made.uniform(made.stream_of(name), b.numel()) * np.float32(0.125)))
            elif name.endswith('running_var'):
                b.copy_(torch.from_numpy(made.uniform(made.stream_of(name), b.numel()) * np.float32(0.5) + np.float32(1)))
    return net.eval()


class Mixed(torch.nn.Module):
    def __init__(self, norm, prior):
        super().__init__()
        self.norm, self.prior = norm, prior

    def forward(self, x):
        share = self.prior / (self.prior + len(x))
        mean = share * self.norm.running_mean + (1 - share) * x.mean((0, 2, 3))
        var = share * self.norm.running_var + (1 - share) * x.var((0, 2, 3), unbiased=False)
        return F.batch_norm(x, mean, var, self.norm.weight, self.norm.bias, False, 0, self.norm.eps)


def replace(module, prior):
    for name, child in module.named_children():
        if isinstance(child, torch.nn.BatchNorm2d):
            setattr(module, name, Mixed(child, prior))
        else:
            replace(child, prior)
    return module


def norms(net):
    return [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]


def batch_statistics(net):
    for m in norms(net):
        m.train()
        m.track_running_stats, m.running_mean, m.running_var = False, None, None
    return net


def batches(net, x, step=lambda logits: None, sizes=(BATCH,) * (N // BATCH) + (N % BATCH,)):
    out = []
    for rows in x.split(sizes):
        logits = net(rows)
        out.append(logits.detach().numpy().copy())
        step(logits)
    return np.concatenate(out)


def tent(net, x, make_optimiser, **how):
    batch_statistics(net).requires_grad_(False)
    affine = [p for m in norms(net) for p in (m.weight, m.bias)]
    for p in affine:
        p.requires_grad_(True)
    optimiser = make_optimiser(affine)

    def step(logits):
        entropy = -(logits.softmax(1) * logits.log_softmax(1)).sum(1).mean(0)
        optimiser.zero_grad()
        entropy.backward()
        optimiser.step()

    return batches(net, x, step, **how)


def write(file_name, out):
    header, blobs, at = {}, [], 0
    for name, array in out.items():
        array = np.ascontiguousarray(array, np.float32)
        header[name] = {'dtype': 'F32', 'shape': list(array.shape), 'data_offsets': [at, at + array.nbytes]}
        blobs.append(array.tobytes())
        at += array.nbytes
    header['__metadata__'] = {'made by': 'make_adapt.py', 'torch': torch.__version__, 'torchvision': torchvision.__version__}
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), file_name), 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text + b''.join(blobs))


def main():
    torch.set_num_threads(1)
    images, _ = made.made_up_images(N, 64, 10)
    x, mean, std = made.normalise(images)
    x = (x - mean) / std
    out = {}
    with torch.no_grad():
        out['none'] = batches(network(), x)
        out['bn'] = batches(batch_statistics(network()), x)
        out['mixed'] = batches(replace(network(), 32), x)
    for name, optimiser in (('tent-adam', lambda p: torch.optim.Adam(p, lr=1e-3)),
                            ('tent-sgd', lambda p: torch.optim.SGD(p, lr=1, momentum=0.9))):
        net = network()
        out[name] = tent(net, x, optimiser)
        out[name + '.layer3.1.bn2.weight'] = net.layer3[1].bn2.weight.detach().numpy()
        double = tent(network().double(), x.double(), optimiser)
        # how far PyTorch's float32 is from its float64, and how far the steps move the logits, batch by batch
        out[name + '.rounding'] = np.array([np.abs(out[name][i:i + BATCH] - double[i:i + BATCH]).max()
                                            for i in range(0, N, BATCH)])
        print(name, out[name + '.rounding'], [np.abs(out[name][i:i + BATCH] - out['bn'][i:i + BATCH]).max()
                                              for i in range(0, N, BATCH)])
    for name, values in out.items():
        print(name, values.shape, np.abs(values).max())
    write('adapt.safetensors', out)
    merged = {}
    with torch.no_grad():
        merged['bn'] = batches(batch_statistics(network()), x, sizes=(33, 33, 34))
        merged['alone'] = batches(batch_statistics(network()), x, sizes=(33, 33, 33, 1))
    sgd = lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)
    merged['tent-sgd'] = tent(network(), x, sgd, sizes=(33, 33, 34))
    double = tent(network().double(), x.double(), sgd, sizes=(33, 33, 34))
    merged['tent-sgd.rounding'] = np.array([np.abs(merged['tent-sgd'][i:j] - double[i:j]).max()
                                            for i, j in ((0, 33), (33, 66), (66, 100))])
    print('merged', merged['tent-sgd.rounding'], np.abs(merged['bn'] - merged['alone'])[66:].max(),
          np.abs(merged['bn'] - merged['tent-sgd'])[66:].max())
    write('adapt_merged.safetensors', merged)


if __name__ == '__main__':
    main()
