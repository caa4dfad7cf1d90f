#!/usr/bin/python3
"""The usual PyTorch script for the study's first stage, to hold `reshift extract` against: CIFAR-10 test images enlarged
to 224, normalised, through ResNet-50 without its last layer. Prints images a second.

Needs Debian's python3-torch, python3-torchvision and python3-numpy; reshift itself never does.
usage: pytorch_features.py DATA_FOLDER [N] [BATCH] [plain|channels-last] [OUT.npy]
"""
import json
import os
import struct
import sys
import time

import numpy as np
import torch
import torchvision


def read_safetensors(path):
    with open(path, 'rb') as stream:
        header = json.loads(stream.read(struct.unpack('<Q', stream.read(8))[0]))
        data = stream.read()
    types = {'F32': np.float32, 'I64': np.int64}
    return {name: torch.from_numpy(np.frombuffer(data[slice(*t['data_offsets'])], types[t['dtype']]).reshape(t['shape']).copy())
            for name, t in header.items() if name != '__metadata__'}


def main():
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', len(os.sched_getaffinity(0)))))
    folder = sys.argv[1]
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 512
    batch = int(sys.argv[3]) if len(sys.argv) > 3 else 64
    form = sys.argv[4] if len(sys.argv) > 4 else 'plain'
    raw = np.fromfile(folder + '/cifar-10-batches-bin/test_batch.bin', np.uint8).reshape(-1, 3073)[:n, 1:]
    images = torch.from_numpy(raw.reshape(-1, 3, 32, 32).copy())
    model = torchvision.models.resnet50()
    model.load_state_dict(read_safetensors(folder + '/weights/resnet50.safetensors'), strict=True)
    model.fc = torch.nn.Identity()
    model.eval()
    memory = torch.contiguous_format
    if form == 'channels-last':
        memory = torch.channels_last
        model = model.to(memory_format=memory)
    mean = torch.tensor([.485, .456, .406]).view(1, 3, 1, 1)
    std = torch.tensor([.229, .224, .225]).view(1, 3, 1, 1)
    features = []
    with torch.no_grad():
        start = time.perf_counter()
        for i in range(0, len(images), batch):
            x = images[i:i + batch].float() / 255
            x = torch.nn.functional.interpolate(x, size=(224, 224), mode='bilinear', align_corners=False)
            x = ((x - mean) / std).contiguous(memory_format=memory)
            features.append(model(x))
        seconds = time.perf_counter() - start
    print(f'pytorch {torch.__version__} {form} batch {batch} threads {torch.get_num_threads()}: '
          f'{len(images) / seconds:.1f} images/s ({len(images)} images)')
    if len(sys.argv) > 5:
        np.save(sys.argv[5], torch.cat(features).numpy())


if __name__ == '__main__':
    main()
