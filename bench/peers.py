#!/usr/bin/python3
"""One peer of `bench/compare`, measured in a process of its own: prints one JSON object with its rate and exits.

usage: peers.py STAGE FORM DATA N BATCH [FEATURES.npy LABELS.npy]

Stages and their forms:
  features   plain          the usual script: float32, NCHW, model.eval(), no_grad
             channels-last  float32, channels last
             bf16           bfloat16 by autocast, channels last, traced, frozen and optimised for inference
  finetune   plain          the usual script: layer4 and fc by Adam (0.0001, 0.001), batch norm with fixed statistics, the
                            frozen blocks run again in every step without a graph
             channels-last  the same, channels last
             bf16           the same by autocast, channels last; weights, losses and Adam in float32
             cached-bf16    as bf16, but what enters layer4 is computed once before, as a careful person would write it
  all-layers plain, bf16    every parameter by Adam (0.0001), batch statistics, as above
  probe      loader         the usual script: a DataLoader over a TensorDataset, shuffled, batches of 64, Linear, Adam (0.001)
             best           no loader: rows of a shuffled index, Adam with its loops over tensors fused (foreach)
             best-bf16      the same on features kept in bfloat16, multiplied by autocast
  pca        randomized     sklearn.decomposition.PCA(2, svd_solver='randomized').fit_transform
             covariance     float32 covariance by BLAS and SciPy's eigh for its two largest eigenvalues

Images are the first N of CIFAR-10's test part, enlarged to 224 (bilinear), normalised, batch by batch as scripts do it.
Nothing counts that is done once: imports, files, weights, a first batch that warms up. Rates: images/s of features, finetune
and all-layers, seconds of probe (an epoch) and pca. `compare` also sets malloc so that freed memory is kept (it spares
PyTorch most page faults) for all forms but the plain ones. All threads that this process may use.
"""
import json
import os
import sys
import time

import numpy as np


def rate_of_steps(step, images):
    """Images a second of step(first), called for each batch after a first one to warm up."""
    step(0)
    start = time.perf_counter()
    count = 0
    for i in images:
        count += step(i)
    return count / (time.perf_counter() - start)


class Network:
    """ResNet-50 of the data folder, and batches of images as the usual script prepares them."""

    def __init__(self, folder, n, batch, form):
        import torch
        import torchvision
        from pytorch_features import read_safetensors
        self.torch, self.batch, self.bf16 = torch, batch, 'bf16' in form
        raw = np.fromfile(folder + '/cifar-10-batches-bin/test_batch.bin', np.uint8).reshape(-1, 3073)[:n]
        self.images = torch.from_numpy(raw[:, 1:].reshape(-1, 3, 32, 32).copy())
        self.labels = torch.from_numpy(raw[:, 0].astype(np.int64))
        self.memory = torch.contiguous_format if form == 'plain' else torch.channels_last
        self.model = torchvision.models.resnet50()
        self.model.load_state_dict(read_safetensors(folder + '/weights/resnet50.safetensors'), strict=True)
        self.model = self.model.to(memory_format=self.memory).eval()
        self.mean = torch.tensor([.485, .456, .406]).view(1, 3, 1, 1)
        self.sd = torch.tensor([.229, .224, .225]).view(1, 3, 1, 1)
        self.firsts = range(0, len(self.images), batch)

    def inputs(self, first):
        x = self.images[first:first + self.batch].float() / 255
        x = self.torch.nn.functional.interpolate(x, size=(224, 224), mode='bilinear', align_corners=False)
        return ((x - self.mean) / self.sd).contiguous(memory_format=self.memory)

    def autocast(self, cache=True):
        return self.torch.autocast('cpu', dtype=self.torch.bfloat16, enabled=self.bf16, cache_enabled=cache)


def features(form, folder, n, batch):
    network = Network(folder, n, batch, form)
    torch, model = network.torch, network.model
    model.fc = torch.nn.Identity()
    with torch.no_grad(), network.autocast(cache=False):
        if network.bf16:
            model = torch.jit.freeze(torch.jit.trace(model, network.inputs(0)))
            model = torch.jit.optimize_for_inference(model)
            model(network.inputs(0))  # the first runs specialise it
        return rate_of_steps(lambda first: len(model(network.inputs(first))), network.firsts)


def train(network, parameters, forward, lower):
    """Steps of Adam; `lower` gives what enters `forward`, without a graph."""
    torch = network.torch
    optimiser = torch.optim.Adam(parameters)
    loss_of = torch.nn.CrossEntropyLoss()

    def step(first):
        labels = network.labels[first:first + network.batch]
        with network.autocast():
            with torch.no_grad():
                x = lower(first)
            loss = loss_of(forward(x).float(), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return len(labels)

    return rate_of_steps(step, network.firsts)


def finetune(form, folder, n, batch):
    network = Network(folder, n, batch, form)
    torch, m = network.torch, network.model
    m.fc = torch.nn.Linear(2048, 10)
    for name, parameter in m.named_parameters():
        parameter.requires_grad_(name.startswith(('layer4', 'fc')))
    below = torch.nn.Sequential(m.conv1, m.bn1, m.relu, m.maxpool, m.layer1, m.layer2, m.layer3)
    above = torch.nn.Sequential(m.layer4, m.avgpool, torch.nn.Flatten(), m.fc)
    groups = [{'params': m.layer4.parameters(), 'lr': 1e-4}, {'params': m.fc.parameters(), 'lr': 1e-3}]
    if form.startswith('cached'):
        with torch.no_grad(), network.autocast():
            kept = {first: below(network.inputs(first)) for first in network.firsts}
        return train(network, groups, above, kept.__getitem__)
    return train(network, groups, above, lambda first: below(network.inputs(first)))


def all_layers(form, folder, n, batch):
    network = Network(folder, n, batch, form)
    network.model.fc = network.torch.nn.Linear(2048, 10)
    network.model.train()
    return train(network, [{'params': network.model.parameters(), 'lr': 1e-4}], network.model, network.inputs)


def probe(form, x, y):
    import torch
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    half = form == 'best-bf16'
    x = x.bfloat16() if half else x
    model, loss_of = torch.nn.Linear(x.shape[1], int(y.max()) + 1), torch.nn.CrossEntropyLoss()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, foreach=form != 'loader')

    def batches():
        if form == 'loader':
            yield from torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=64, shuffle=True)
            return
        for rows in torch.randperm(len(x)).split(64):
            yield x[rows], y[rows]

    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        for rows, labels in batches():
            optimiser.zero_grad(set_to_none=True)
            with torch.autocast('cpu', dtype=torch.bfloat16, enabled=half):
                logits = model(rows)
            loss_of(logits.float(), labels).backward()
            optimiser.step()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def pca(form, x):
    def randomized():
        from sklearn.decomposition import PCA
        return PCA(2, svd_solver='randomized', random_state=0).fit_transform(x)

    def covariance():
        import scipy.linalg
        centred = x - x.mean(0)
        c = centred.T @ centred / (len(x) - 1)
        return centred @ scipy.linalg.eigh(c, subset_by_index=[len(c) - 2, len(c) - 1])[1][:, ::-1]

    run = {'randomized': randomized, 'covariance': covariance}[form]
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main():
    stage, form, folder, n, batch = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    if stage in ('probe', 'pca'):
        x = np.load(sys.argv[6])
        value = pca(form, x) if stage == 'pca' else probe(form, x, np.load(sys.argv[7]).astype(np.int64))
    else:
        value = {'features': features, 'finetune': finetune, 'all-layers': all_layers}[stage](form, folder, n, batch)
    print(json.dumps({'value': value}))


if __name__ == '__main__':
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    if sys.argv[1] not in ('pca',):
        import torch
        torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', len(os.sched_getaffinity(0)))))
    main()
