#!/usr/bin/env python3
"""Trains `super_resolution_x2.safetensors`, the network that `generate.super_resolution` has of its own.

    pip install torch scikit-image pillow safetensors
    python train_super_resolution.py super_resolution_x2.safetensors

A SRVGGNetCompact (Wang et al., "Real-ESRGAN", 2021) of 16 features and 6 inner convolutions that doubles the
size. Pairs are made by halving pictures with the antialiased Catmull-Rom filter in linear light; the loss is
the mean absolute error of sRGB code values. Pictures: shapes and letters drawn here, and photographs of
scikit-image's data that are in the public domain or CC0. `astronaut` and `camera` are held out.
"""

import hashlib
import json
import pathlib
import sys

import numpy as np
import skimage.data
import torch
from PIL import Image, ImageDraw, ImageFont
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

SEED = 0
NUM_FEATURES = 16
NUM_CONVOLUTIONS = 6
NUM_STEPS = 20_000
BATCH = 16
PATCH = 32
PHOTOGRAPHS = ["coffee", "chelsea", "brick", "gravel", "grass", "rocket", "hubble_deep_field"]
HELD_OUT = ["astronaut", "camera"]


def network():
    """The published layout: body.0 a convolution, body.1 its slopes, and so on; then the shuffle."""
    layers = [nn.Conv2d(3, NUM_FEATURES, 3, 1, 1), nn.PReLU(NUM_FEATURES)]
    for _ in range(NUM_CONVOLUTIONS):
        layers += [nn.Conv2d(NUM_FEATURES, NUM_FEATURES, 3, 1, 1), nn.PReLU(NUM_FEATURES)]
    last = nn.Conv2d(NUM_FEATURES, 3 * 4, 3, 1, 1)
    nn.init.normal_(last.weight, std=1e-3)
    nn.init.zeros_(last.bias)
    return nn.ModuleDict({"body": nn.Sequential(*layers, last)})


def forward(net, x):
    return F.pixel_shuffle(net["body"](x), 2) + F.interpolate(x, scale_factor=2, mode="nearest")


def light(code):
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


def code(light):
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def halved(picture):
    """Half the size by the widened Catmull-Rom filter in linear light, edges going on outwards."""
    at = np.abs(np.arange(-3.5, 4) / 2)
    taps = np.where(at < 1, 1.5 * at**3 - 2.5 * at**2 + 1, -0.5 * at**3 + 2.5 * at**2 - 4 * at + 2)
    taps /= taps.sum()
    x = light(picture)
    for axis in (0, 1):
        padded = np.pad(x, [(3, 3) if a == axis else (0, 0) for a in range(3)], mode="edge")
        n = x.shape[axis] // 2
        index = lambda k: np.take(padded, np.arange(n) * 2 + k, axis)
        x = sum(tap * index(k) for k, tap in enumerate(taps))
    return code(x)


def drawn(rng, side=384, supersample=3):
    """Polygons, discs, lines, letters and rings over a gradient, as sRGB codes."""
    big = side * supersample
    ramp = np.linspace(0, 1, big)[:, None, None]
    a, b = rng.random((2, 3))
    picture = Image.fromarray((np.broadcast_to(a + (b - a) * ramp, (big, big, 3)) * 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    colour = lambda: tuple(int(v) for v in rng.integers(0, 256, 3))
    for _ in range(25):
        x, y, r = rng.integers(0, big, 2).tolist() + [int(rng.integers(6, big // 5))]
        kind = rng.integers(0, 4)
        if kind == 0:
            draw.regular_polygon((x, y, r), int(rng.integers(3, 7)), float(rng.uniform(0, 360)), colour())
        elif kind == 1:
            draw.ellipse((x - r, y - r, x + r, y + r), fill=colour())
        elif kind == 2:
            end = rng.integers(0, big, 2).tolist()
            draw.line((x, y, *end), colour(), int(rng.integers(1, 8 * supersample)))
        else:
            letters = "".join(chr(c) for c in rng.integers(33, 127, 8))
            draw.text((x, y), letters, colour(), ImageFont.load_default(int(rng.integers(8, 60)) * supersample))
    picture = np.asarray(picture.resize((side, side), Image.Resampling.BOX), np.float64) / 255
    if rng.random() < 0.3:
        y, x = np.mgrid[:side, :side]
        rings = 0.5 + 0.5 * np.cos(rng.uniform(0.1, 1.5) * np.hypot(x - rng.uniform(0, side), y - side / 2))
        picture = 0.5 * picture + 0.5 * rings[..., None]
    return picture


def photograph(name):
    picture = np.asarray(getattr(skimage.data, name)(), np.float64) / 255
    picture = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, 2)
    return picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2, :3]


def pairs(pictures):
    tensor = lambda x: torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1), np.float32))
    return [(tensor(halved(p)), tensor(p)) for p in pictures]


def batch(data, rng):
    small, large = [], []
    for _ in range(BATCH):
        s, l = data[rng.integers(len(data))]
        y = int(rng.integers(0, s.shape[1] - PATCH + 1))
        x = int(rng.integers(0, s.shape[2] - PATCH + 1))
        s = s[:, y : y + PATCH, x : x + PATCH]
        l = l[:, 2 * y : 2 * (y + PATCH), 2 * x : 2 * (x + PATCH)]
        turns, channels = int(rng.integers(4)), torch.from_numpy(rng.permutation(3))
        for out, v in ((small, s), (large, l)):
            v = torch.rot90(v[channels], turns, (1, 2))
            out.append(v)
        if rng.random() < 0.5:
            small[-1], large[-1] = small[-1].flip(2), large[-1].flip(2)
    return torch.stack(small), torch.stack(large)


def psnr(net, data):
    with torch.no_grad():
        errors = [F.mse_loss(forward(net, s[None]).clamp(0, 1), l[None]) for s, l in data]
    return [round(float(-10 * torch.log10(e)), 2) for e in errors]


def save(net, out, step):
    """Weights with the card that `lumawire model info` shows."""
    card = {
        "source": f"train_super_resolution.py, seed {SEED}, step {step}, torch {torch.__version__}",
        "source_sha256": hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest(),
        "format": "safetensors, SRVGGNetCompact",
        "scale": 2,
        "licence": "MIT OR Apache-2.0; learnt from pictures in the public domain or CC0, and drawn ones",
        "imported_by": "train_super_resolution.py",
    }
    weights = {k: v.contiguous() for k, v in net.state_dict().items()}
    save_file(weights, out, {"format": "pt", "card": json.dumps(card)})


def main(out):
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    photographs = pairs([photograph(name) for name in PHOTOGRAPHS])
    data = photographs * 3 + pairs([drawn(rng) for _ in range(32)])
    held_out = pairs([photograph(name) for name in HELD_OUT])
    net = network()
    optimiser = torch.optim.Adam(net.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, NUM_STEPS, 1e-5)
    for step in range(NUM_STEPS + 1):
        if step % 1000 == 0:
            print(step, "held-out PSNR in dB:", dict(zip(HELD_OUT, psnr(net, held_out))), flush=True)
            save(net, out, step)
        small, large = batch(data, rng)
        loss = F.l1_loss(forward(net, small), large)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


if __name__ == "__main__":
    main(sys.argv[1])
