#!/usr/bin/env python3
"""Golden features and logits of residual networks, computed by PyTorch, for tests/models/test_parity.c.

Made with PyTorch 1.13.0, torchvision 0.14.1, NumPy 1.24.2 (Debian 12). Usage, with the real data folder:

    RESHIFT_DATA=DIR nice /usr/bin/python3 tests/models/golden/make_features.py [NAME...]

Inputs are the first CIFAR-10 test images: x/255, bilinear with half-pixel centres to the network's size, ImageNet's mean
and deviation. Networks:

    resnet50, resnet18                       real weights, $RESHIFT_DATA/weights/NAME.safetensors
    resnet18-drawn ... resnet152-drawn       values from the generator below
    resnet18-drawn-32, resnet18-drawn-97     the same, other input sizes
    resnext50_32x4d-drawn-64, ...            the same: grouped convolutions and wide bottlenecks, 64x64
    resnet-demo-drawn                        the small network of the demo, 32x32

Files, all float32 .npy:

    NAME-features.npy  [F,D]    global average pool of the first F images
    NAME-sketch.npy    [N,65]   count sketch of the features of N images: 64 buckets, then the features' L2 norm
    NAME-logits.npy    [L,65]   the same of the logits of the first L images

Count sketch: h = mix(i) for feature i; bucket h mod 64, sign minus where the top bit of h is set. Generator: element j of
the tensor NAME is drawn as x = (mix(fnv1a(NAME) + j) >> 40) / 2^23 - 1, a multiple of 2^-23 in [-1, 1), then scaled in
double precision and rounded to float32 (see drawn()). mix is the step of splitmix64 (Steele, Lea & Flood 2014).

    state-dict.txt   what torchvision's state_dict() lists, in order: every tensor of resnet18 and resnet50, the sha256 of
                     the same lines for the others, and each network's multiply-adds at 224x224
"""
import hashlib
import json
import math
import os
import struct
import sys

import numpy as np
import torch
import torchvision

HERE = os.path.dirname(os.path.abspath(__file__))
U = np.uint64
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def mix(z):
    with np.errstate(over="ignore"):
        z = z.astype(U) + U(0x9E3779B97F4A7C15)
        z = (z ^ (z >> U(30))) * U(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> U(27))) * U(0x94D049BB133111EB)
    return z ^ (z >> U(31))


def fnv1a(text):
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = (h ^ byte) * 0x100000001B3 % 2**64
    return h


def sketch(rows):
    """[N,D] -> [N,65]"""
    h = mix(np.arange(rows.shape[1], dtype=U))
    sign = np.where(h >> U(63), -1.0, 1.0)
    out = np.zeros((len(rows), 65))
    for i in range(rows.shape[1]):
        out[:, int(h[i] % U(64))] += sign[i] * rows[:, i].astype(np.float64)
    out[:, 64] = np.linalg.norm(rows.astype(np.float64), axis=1)
    return out.astype(np.float32)


def drawn(name, shape):
    count = math.prod(shape)
    with np.errstate(over="ignore"):
        bits = mix(U(fnv1a(name)) + np.arange(count, dtype=U))
    x = (bits >> U(40)).astype(np.float64) / 2**23 - 1
    last = name.split(".")[-2] if "." in name else ""
    branch_end = name.startswith("layer") and last == drawn.branch_end
    if name.endswith("running_mean"):
        v = 0.1 * x
    elif name.endswith("running_var"):
        v = 1 + 0.5 * x
    elif name.startswith("fc."):
        v = x * math.sqrt(1.0 / drawn.features)
    elif len(shape) == 4:
        v = x * math.sqrt(6.0 / math.prod(shape[1:]))
    elif name.endswith("weight"):
        v = 0.25 + 0.05 * x if branch_end else 1 + 0.1 * x
    else:
        v = 0.1 * x
    return v.astype(np.float32).reshape(shape)


def fill_drawn(model):
    state = model.state_dict()
    drawn.branch_end = "bn3" if any(".conv3." in k for k in state) else "bn2"
    drawn.features = model.fc.in_features
    model.load_state_dict({k: torch.tensor(0) if k.endswith("num_batches_tracked")
                           else torch.from_numpy(drawn(k, tuple(v.shape))) for k, v in state.items()}, strict=True)


def fill_real(model, name):
    data = open(os.path.join(os.environ["RESHIFT_DATA"], "weights", name + ".safetensors"), "rb").read()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    state = {}
    for key, entry in json.loads(data[8:start]).items():
        if key != "__metadata__":
            assert entry["dtype"] == "F32"
            a, b = entry["data_offsets"]
            state[key] = torch.from_numpy(np.frombuffer(data[start + a:start + b], "<f4").reshape(entry["shape"]).copy())
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all(k.endswith("num_batches_tracked") for k in missing), (missing, unexpected)


def demo_network(classes=10):
    model = torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1], num_classes=classes)
    model.conv1, model.bn1 = torch.nn.Conv2d(3, 16, 3, padding=1, bias=False), torch.nn.BatchNorm2d(16)
    model.maxpool, model.inplanes = torch.nn.Identity(), 16
    for index, width in enumerate([16, 32, 64, 128]):
        layer = model._make_layer(torchvision.models.resnet.BasicBlock, width, 1, stride=1 if index == 0 else 2)
        setattr(model, f"layer{index + 1}", layer)
    model.fc = torch.nn.Linear(128, classes)
    return model


def network(arch):
    return demo_network() if arch == "resnet-demo" else getattr(torchvision.models, arch)(weights=None)


def images(count):
    path = os.path.join(os.environ["RESHIFT_DATA"], "cifar-10-batches-bin", "test_batch.bin")
    rows = np.fromfile(path, np.uint8, count * 3073).reshape(count, 3073)[:, 1:].reshape(count, 3, 32, 32)
    return torch.from_numpy(rows.copy())


def run(model, size, count):
    """features [N,D] and logits [N,K]; rms of the activations behind every layer"""
    features, logits, rms = [], [], {}

    def keep(layer):
        def hook(module, inputs, output):  # returns nothing: a value would replace the output
            if layer == "avgpool":
                features.append(output.flatten(1).numpy().copy())
            rms.setdefault(layer, round(float(output.pow(2).mean().sqrt()), 3))
        return getattr(model, layer).register_forward_hook(hook)

    hooks = [keep(layer) for layer in ["bn1", "layer1", "layer2", "layer3", "layer4", "avgpool"]]
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    model.eval()
    with torch.no_grad():
        for batch in images(count).split(16):
            x = torch.nn.functional.interpolate(batch.float() / 255, size=(size, size), mode="bilinear", align_corners=False)
            logits.append(model((x - mean) / std).numpy())
    for hook in hooks:
        hook.remove()
    print("  rms", rms, flush=True)
    assert all(0.05 < value < 50 for value in rms.values()), rms
    return np.concatenate(features), np.concatenate(logits)


# name: architecture, size, images sketched, features in full, logits sketched
CASES = {
    "resnet50": ("resnet50", 224, 512, 16, 8),
    "resnet18": ("resnet18", 224, 64, 8, 8),
    "resnet18-drawn": ("resnet18", 224, 64, 8, 8),
    "resnet34-drawn": ("resnet34", 224, 64, 8, 8),
    "resnet101-drawn": ("resnet101", 224, 64, 8, 8),
    "resnet152-drawn": ("resnet152", 224, 64, 8, 8),
    "resnet18-drawn-32": ("resnet18", 32, 8, 1, 8),
    "resnet18-drawn-97": ("resnet18", 97, 8, 1, 8),
    "resnet-demo-drawn": ("resnet-demo", 32, 64, 8, 8),
    "resnext50_32x4d-drawn-64": ("resnext50_32x4d", 64, 8, 1, 8),
    "wide_resnet50_2-drawn-64": ("wide_resnet50_2", 64, 8, 1, 8),
    "resnext101_32x8d-drawn-64": ("resnext101_32x8d", 64, 4, 1, 4),
    "resnext101_64x4d-drawn-64": ("resnext101_64x4d", 64, 4, 1, 4),
    "wide_resnet101_2-drawn-64": ("wide_resnet101_2", 64, 4, 1, 4),
}


def multiply_adds(model):
    total = 0

    def count(module, inputs, output):
        nonlocal total
        weight = module.weight
        total += weight.numel() * (output.shape[2] * output.shape[3] if weight.dim() == 4 else 1)

    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear))]
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, 224, 224))
    for hook in hooks:
        hook.remove()
    return total


def listing():
    with open(os.path.join(HERE, "state-dict.txt"), "w") as out:
        for arch in ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d",
                     "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2"]:
            model = network(arch)
            lines = [f"{k} [{','.join(map(str, v.shape))}] {str(v.dtype).replace('torch.', '')}\n"
                     for k, v in model.state_dict().items()]
            digest = hashlib.sha256("".join(lines).encode()).hexdigest()
            out.write(f"# {arch} {len(lines)} {digest} {multiply_adds(model)}\n")
            if arch in ("resnet18", "resnet50"):
                out.writelines(lines)


def main():
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    wanted = sys.argv[1:] or ["state-dict", *CASES]
    for name in wanted:
        print(name, flush=True)
        if name == "state-dict":
            listing()
            continue
        arch, size, count, full, n_logits = CASES[name]
        model = network(arch)
        fill_drawn(model) if "drawn" in name else fill_real(model, name)
        features, logits = run(model, size, count)
        print("  features rms", float(np.sqrt((features**2).mean())), "logits rms", float(np.sqrt((logits**2).mean())), flush=True)
        np.save(os.path.join(HERE, name + "-features.npy"), features[:full])
        np.save(os.path.join(HERE, name + "-sketch.npy"), sketch(features))
        np.save(os.path.join(HERE, name + "-logits.npy"), sketch(logits[:n_logits]))


if __name__ == "__main__":
    main()
