#!/usr/bin/env python3
"""Golden values of optimisers, schedules, label smoothing and batch norm's recalibration, from PyTorch, for
tests/training/test_tuning.c.

    ./make_tuning.py     # writes training-tuning.safetensors beside this file

Made with Python 3.11, PyTorch 1.13.0, torchvision 0.14.1, NumPy 1.24.2 (Debian 12), one thread.

  factor.*     what torch.optim.lr_scheduler multiplies a rate with, unit by unit
  loss.*       CrossEntropyLoss(label_smoothing) of made-up logits, and its gradient
  steps.*      300 values after 1, 2 and 40 steps of an optimiser along made-up gradients, in float32
  net.*        10 steps of ResNet-18's layer4 and fc on made-up images at 64x64, weights from the hash: losses, and how
               far five tensors moved (sketched as in make_training.py), in float64. The same in float32 says how far
               from exact float32 may be: net.*.off holds the largest relative deviation of the losses, and that of each tensor's
               movement
  recalibrated.*  running statistics of layer4 after torch.optim.swa_utils.update_bn, the rest in evaluation
  ratio.*      length of the gradient over that of the parameters, block by block, the gradient being the mean of those
               of ten batches: of all blocks with batch norm frozen; of layer4 and fc with batch norm training in layer4
               and labels smoothed; in float64. ratio.*.off: the largest relative deviation in float32

Everything made up comes from make_training.py's hash.
"""
import copy

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torch.optim import SGD, Adam, AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LinearLR, SequentialLR, StepLR

from make_training import hashed_weights, made_up_images, normalise, permutation, save, sketch, uniform

WATCHED = ('layer4.0.conv1.weight', 'layer4.1.bn2.weight', 'layer4.0.downsample.1.bias', 'fc.weight', 'fc.bias')


def scheduled(optimiser, warmup, make):
    """The schedule behind a linear warm-up."""
    if warmup == 0:
        return make(optimiser)
    first = LinearLR(optimiser, 1 / (warmup + 1), total_iters=warmup)
    return SequentialLR(optimiser, [first, make(optimiser)], milestones=[warmup])


def factors(warmup, make, n):
    p = torch.nn.Parameter(torch.zeros(1))
    optimiser = SGD([p], lr=1.0)
    scheduler, found = scheduled(optimiser, warmup, make), []
    for _ in range(n):
        found.append(optimiser.param_groups[0]['lr'])
        optimiser.step()
        scheduler.step()
    return np.array(found)


def make_factors(out):
    out['factor.constant'] = factors(0, lambda o: LambdaLR(o, lambda t: 1.0), 12)
    out['factor.warmup'] = factors(4, lambda o: LambdaLR(o, lambda t: 1.0), 12)
    out['factor.step'] = factors(0, lambda o: StepLR(o, 5, 0.1), 17)
    out['factor.warmup-step'] = factors(3, lambda o: StepLR(o, 4, 0.5), 20)
    out['factor.cosine'] = factors(0, lambda o: CosineAnnealingLR(o, 10), 10)
    out['factor.warmup-cosine'] = factors(5, lambda o: CosineAnnealingLR(o, 95), 100)


def make_losses(out):
    logits = torch.from_numpy(uniform(600, 6 * 7).reshape(6, 7) * np.float32(8))
    labels = torch.from_numpy((np.arange(6) * 3 % 7).astype(np.int64))
    for name, smoothing in (('0', 0.0), ('0.1', 0.1), ('1', 1.0)):
        z = logits.double().requires_grad_()
        loss = torch.nn.CrossEntropyLoss(label_smoothing=smoothing)(z, labels)
        loss.backward()
        out[f'loss.{name}'] = np.array([loss.item()])
        out[f'loss.{name}.gradient'] = z.grad.numpy()


OPTIMISERS = {
    'sgd': lambda g: SGD(g, lr=0.01),
    'sgd-decay': lambda g: SGD(g, lr=0.01, weight_decay=0.1),
    'sgd-momentum': lambda g: SGD(g, lr=0.01, momentum=0.9, weight_decay=0.1),
    'sgd-nesterov': lambda g: SGD(g, lr=0.01, momentum=0.8, nesterov=True, weight_decay=0.1),
    'adam': lambda g: Adam(g, lr=0.01),
    'adam-decay': lambda g: Adam(g, lr=0.01, weight_decay=0.1),
    'adamw': lambda g: AdamW(g, lr=0.01, weight_decay=0.1),
}


def make_steps(out):
    for name, make in OPTIMISERS.items():
        p = torch.nn.Parameter(torch.from_numpy(uniform(610, 300).copy()))
        optimiser = make([p])
        scheduler = StepLR(optimiser, 15, 0.5)
        for step in range(1, 41):
            p.grad = torch.from_numpy(uniform(620 + step, 300).copy())
            optimiser.step()
            scheduler.step()
            if step in (1, 2, 40):
                out[f'steps.{name}.{step}'] = p.detach().numpy().copy()


def layer4_and_fc(network):
    return [{'params': list(network.layer4.parameters()), 'lr': 1.0}, {'params': list(network.fc.parameters()), 'lr': 10.0}]


def run(dtype, x, labels, make, rate, warmup, schedule, smoothing):
    """Ten steps with batch norm training in layer4."""
    network = torchvision.models.resnet18(num_classes=10)
    hashed_weights(network)
    network.eval().to(dtype)
    network.layer4.train()
    before = copy.deepcopy(network.state_dict())
    groups = layer4_and_fc(network)
    for group in groups:
        group['lr'] *= rate
    optimiser = make(groups)
    scheduler, losses = scheduled(optimiser, warmup, schedule), []
    order = permutation(200, 160)
    for start in range(0, 160, 16):
        at = torch.from_numpy(order[start:start + 16])
        for p in network.parameters():
            p.grad = None
        loss = F.cross_entropy(network(x[at].to(dtype)), labels[at], label_smoothing=smoothing)
        loss.backward()
        optimiser.step()
        scheduler.step()
        losses.append(loss.item())
    return np.array(losses), {n: (network.state_dict()[n] - before[n]).double() for n in WATCHED}


def made_up_rows():
    images, labels = made_up_images(160, 64, 10)
    x, mean, std = normalise(images)
    return (x - mean) / std, torch.from_numpy(labels)


def make_nets(out):
    x, labels = made_up_rows()
    cases = {
        'sgd': (lambda g: SGD(g, lr=1, momentum=0.9, nesterov=True, weight_decay=1e-2), 1e-3, 3,
                lambda o: CosineAnnealingLR(o, 7), 0.1),
        'adam': (lambda g: Adam(g, weight_decay=1e-2), 1e-4, 0, lambda o: StepLR(o, 4, 0.3), 0.0),
        'adamw': (lambda g: AdamW(g, weight_decay=1e-1), 1e-4, 5, lambda o: LambdaLR(o, lambda t: 1.0), 0.2),
    }
    for name, case in cases.items():
        losses, moved = run(torch.float32, x, labels, *case)
        exact, exact_moved = run(torch.float64, x, labels, *case)
        off = [np.max(np.abs(losses - exact) / exact)]
        out[f'net.{name}.losses'] = exact
        for n in WATCHED:
            off.append(((moved[n] - exact_moved[n]).norm() / exact_moved[n].norm()).item())
            out[f'net.{name}.moved.{n}'] = sketch(exact_moved[n]).astype(np.float32)
            out[f'net.{name}.norm.{n}'] = np.array([exact_moved[n].norm().item()])
        out[f'net.{name}.off'] = np.array(off)
        print(name, losses[0], losses[-1], off)


def make_recalibration(out):
    """Six batches of 24 rows and one of 16."""
    x, _ = made_up_rows()
    found = []
    for dtype in (torch.float32, torch.float64):
        network = torchvision.models.resnet18(num_classes=10)
        hashed_weights(network)
        network.eval().to(dtype)
        with torch.no_grad():
            below = torch.nn.Sequential(*list(network.children())[:7])
            rows = torch.cat([below(b.to(dtype)) for b in x.split(16)])
        order = torch.from_numpy(permutation(200, 160))
        torch.optim.swa_utils.update_bn([rows[at] for at in order.split(24)], network.layer4)
        found.append({n: v for n, v in network.state_dict().items() if n.startswith('layer4') and 'running' in n})
    for n, v in found[0].items():
        out[f'recalibrated.{n}'] = v.numpy()
    print('recalibrated', max(((v.double() - found[1][n]).norm() / found[1][n].norm()).item() for n, v in found[0].items()))


def gradient_ratios(dtype, x, labels, names, training, smoothing):
    network = torchvision.models.resnet18(num_classes=10)
    hashed_weights(network)
    network.eval().to(dtype)
    if training:
        network.layer4.train()
    order = torch.from_numpy(permutation(200, 160))
    for at in order.split(16):
        (F.cross_entropy(network(x[at].to(dtype)), labels[at], label_smoothing=smoothing) / 10).backward()
    found = []
    for name in names:
        parameters = [p for m in name.split('+') for p in getattr(network, m).parameters()]
        g, w = (torch.cat([v.reshape(-1) for v in vs]).double().norm() for vs in ([p.grad for p in parameters], parameters))
        found.append((g / w).item())
    return np.array(found)


def make_ratios(out):
    x, labels = made_up_rows()
    cases = {'all': (('conv1+bn1', 'layer1', 'layer2', 'layer3', 'layer4', 'fc'), False, 0.0),
             'training': (('layer4', 'fc'), True, 0.1)}
    for name, case in cases.items():
        exact = gradient_ratios(torch.float64, x, labels, *case)
        rounded = gradient_ratios(torch.float32, x, labels, *case)
        out[f'ratio.{name}'] = exact
        out[f'ratio.{name}.off'] = np.array([np.max(np.abs(rounded - exact) / exact)])
        print(name, exact, out[f'ratio.{name}.off'])


if __name__ == '__main__':
    torch.set_num_threads(1)
    golden = {}
    make_factors(golden)
    make_losses(golden)
    make_steps(golden)
    make_nets(golden)
    make_recalibration(golden)
    make_ratios(golden)
    save('tuning', golden)
