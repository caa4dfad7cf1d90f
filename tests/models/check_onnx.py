#!/usr/bin/env python3
"""What reshift exports as ONNX, by hand: ONNX's own checker and OpenCV's reader accept it and give reshift's logits.

Checked with onnx 1.12.0, OpenCV 4.6.0 and NumPy 1.24.2 of Debian 12. Usage:

    reshift export --weights W [--head H] --out net.onnx
    reshift extract --weights W --data cifar10 --split test --limit 32 --out features.npy
    RESHIFT_DATA=DIR /usr/bin/python3 tests/models/check_onnx.py net.onnx features.npy

The 32 images are enlarged as reshift does it (bilinear, corners not aligned), normalised by the file's own
metadata, and go through OpenCV one batch of 5 after the other, so that the free batch is tried too. Compared are the
features, and the logits with fc applied to reshift's features in float64. Exit status 1 at a relative error of 1e-4.
"""
import os
import sys

import cv2
import numpy as np
import onnx
import onnx.checker
import onnx.numpy_helper


def enlarge(image, size):
    """[32,32,3] -> [size,size,3], half-pixel centres, float64."""
    n = image.shape[0]
    at = np.clip((np.arange(size) + 0.5) * n / size - 0.5, 0, n - 1)
    low = np.floor(at).astype(int)
    high, part = np.minimum(low + 1, n - 1), at - low
    rows = image[low] * (1 - part)[:, None, None] + image[high] * part[:, None, None]
    return rows[:, low] * (1 - part)[None, :, None] + rows[:, high] * part[None, :, None]


def main():
    path, features_path = sys.argv[1:3]
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    meta = {entry.key: entry.value for entry in model.metadata_props}
    mean, std = [np.array([float(v) for v in meta[key].split()]) for key in ("mean", "std")]
    size = int(meta["input_size"])
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    ours = np.load(features_path).astype(np.float64)
    expected = ours @ tensors["fc.weight"].astype(np.float64).T + tensors["fc.bias"]
    batch = os.path.join(os.environ["RESHIFT_DATA"], "cifar-10-batches-bin", "test_batch.bin")
    pixels = np.fromfile(batch, np.uint8).reshape(-1, 3073)[:, 1:]
    images = pixels[:len(ours)].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    x = np.stack([((enlarge(i / 255.0, size) - mean) / std).transpose(2, 0, 1) for i in images]).astype(np.float32)
    net = cv2.dnn.readNetFromONNX(path)
    layers = net.getLayerNames()  # OpenCV's names end in ours
    wanted = [next(layer for layer in layers if layer.endswith(end)) for end in ("fc", "flatten")]
    worst = {"features": 0.0, "logits": 0.0}
    for first in range(0, len(x), 5):
        net.setInput(x[first:first + 5])
        logits, features = [np.array(v) for v in net.forward(wanted)]
        for name, theirs, reference in (("features", features, ours), ("logits", logits, expected)):
            part = reference[first:first + 5]
            error = np.linalg.norm(theirs.reshape(part.shape) - part, axis=1) / np.linalg.norm(part, axis=1)
            worst[name] = max(worst[name], float(error.max()))
    print(f"{path}: {meta['arch']}, {len(x)} images at {size}, {expected.shape[1]} classes, names {'class_names' in meta}: "
          + ", ".join(f"{k} {v:.2e}" for k, v in worst.items()))
    return 0 if max(worst.values()) < 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main())
