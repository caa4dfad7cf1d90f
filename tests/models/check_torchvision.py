#!/usr/bin/env python3
"""The other direction of the parity tests, by hand: what reshift writes, torchvision loads and computes alike.

Checked with PyTorch 1.13.0, torchvision 0.14.1. Usage:

    RESHIFT_DATA=DIR BUILD/tests/models/write-models FOLDER     writes models and their logits of 8 CIFAR-10 test images
    RESHIFT_DATA=DIR /usr/bin/python3 tests/models/check_torchvision.py FOLDER

Every FOLDER/NAME.safetensors is read by a reader of its own (or the package safetensors where it is there), goes into the
network of torchvision that its metadata name with strict=True, and the logits are compared with FOLDER/NAME-logits.npy.
Exit status 1 where a row differs by 1e-4 of its norm or more.
"""
import glob
import json
import os
import struct
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden"))
from make_features import demo_network, images  # noqa: E402
import torchvision  # noqa: E402

DTYPES = {"F32": "<f4", "I64": "<i8"}


def read(path):
    data = open(path, "rb").read()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:start])
    metadata = header.pop("__metadata__")
    state, end = {}, 0
    for name, entry in header.items():
        a, b = entry["data_offsets"]
        state[name] = torch.from_numpy(np.frombuffer(data[start + a:start + b], DTYPES[entry["dtype"]]).reshape(entry["shape"]).copy())
        end = max(end, b)
    assert start % 8 == 0 and start + end == len(data)
    return state, metadata


def main():
    files = sorted(glob.glob(os.path.join(sys.argv[1], "*.safetensors")))
    assert files, f"no .safetensors in '{sys.argv[1]}'"
    bad = 0
    for path in files:
        state, metadata = read(path)
        classes, size = len(state["fc.bias"]), int(metadata["input_size"])
        arch = metadata["arch"]
        model = demo_network(classes) if arch == "resnet-demo" else getattr(torchvision.models, arch)(weights=None, num_classes=classes)
        model.load_state_dict(state, strict=True)
        model.eval()
        ours = np.load(path.replace(".safetensors", "-logits.npy"))
        mean, std = [torch.tensor([float(v) for v in metadata[k].split()]).view(3, 1, 1) for k in ("mean", "std")]
        with torch.no_grad():
            x = torch.nn.functional.interpolate(images(len(ours)).float() / 255, size=(size, size), mode="bilinear", align_corners=False)
            theirs = model((x - mean) / std).numpy()
        error = (np.linalg.norm(ours - theirs, axis=1) / np.linalg.norm(theirs, axis=1)).max()
        print(f"{os.path.basename(path)}: {arch}, {classes} classes, {len(ours)} images at {size}: worst relative error {error:.2e}")
        bad += not error < 1e-4
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
