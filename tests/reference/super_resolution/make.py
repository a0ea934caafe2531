#!/usr/bin/env python3
"""Writes the networks beside it, with random weights, and what torch makes of a picture with them.

    pip install torch safetensors
    python make.py

SRVGGNetCompact by its definition in Real-ESRGAN (Wang et al., 2021), ESPCN by Shi et al. (2016) with the names
that its usual implementations give the layers.
"""

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)


class Compact(nn.Module):
    def __init__(self, features, convolutions, scale):
        super().__init__()
        self.scale = scale
        self.body = nn.ModuleList([nn.Conv2d(3, features, 3, 1, 1), nn.PReLU(features)])
        for _ in range(convolutions):
            self.body += [nn.Conv2d(features, features, 3, 1, 1), nn.PReLU(features)]
        self.body.append(nn.Conv2d(features, 3 * scale**2, 3, 1, 1))

    def forward(self, x):
        out = x
        for layer in self.body:
            out = layer(out)
        return F.pixel_shuffle(out, self.scale) + F.interpolate(x, scale_factor=self.scale, mode="nearest")


class Espcn(nn.Module):
    """Three convolutions, the first two with tanh."""

    def __init__(self, scale, first, last):
        super().__init__()
        tanh = nn.Tanh
        setattr(self, first, nn.Sequential(
            nn.Conv2d(1, 12, 5, 1, 2), tanh(), nn.Conv2d(12, 8, 3, 1, 1), tanh()))
        setattr(self, last, nn.Sequential(nn.Conv2d(8, scale**2, 3, 1, 1), nn.PixelShuffle(scale)))
        self.parts = (first, last)

    def forward(self, x):
        return getattr(self, self.parts[1])(getattr(self, self.parts[0])(x))


class Example(nn.Module):
    """super_resolution of pytorch/examples: four convolutions, the first three with ReLU."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale
        self.conv1 = nn.Conv2d(1, 16, 5, 1, 2)
        self.conv2 = nn.Conv2d(16, 16, 3, 1, 1)
        self.conv3 = nn.Conv2d(16, 8, 3, 1, 1)
        self.conv4 = nn.Conv2d(8, scale**2, 3, 1, 1)

    def forward(self, x):
        for layer in (self.conv1, self.conv2, self.conv3):
            x = F.relu(layer(x))
        return F.pixel_shuffle(self.conv4(x), self.scale)


networks = {
    "compact_x4": (Compact(16, 3, 4), lambda d: {"params": d}),
    "compact_x2_half": (Compact(8, 1, 2).half().float(), lambda d: {"params_ema": {k: v.half() for k, v in d.items()}}),
    "espcn_x3": (Espcn(3, "feature_maps", "sub_pixel"), lambda d: {"epoch": 7, "state_dict": d}),
    "espcn_x2": (Espcn(2, "first_part", "last_part"), lambda d: d),
    "example_x2": (Example(2), lambda d: d),
}
goldens = {"rgb": torch.rand(1, 3, 13, 18), "luma": torch.rand(1, 1, 13, 18)}
for name, (network, wrap) in networks.items():
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.PReLU):
                # Slopes below 0 and above 1, as training makes them.
                module.weight.copy_((torch.rand_like(module.weight) * 1.8 - 0.4).half().float())
            if isinstance(module, nn.Conv2d):
                # Loud enough that every layer counts.
                module.weight.mul_(1.7)
                module.weight.copy_(module.weight.half().float())
                module.bias.copy_(module.bias.half().float())
        x = goldens["rgb" if isinstance(network, Compact) else "luma"]
        goldens[name] = network.double()(x.double()).float().contiguous()
    torch.save(wrap({k: v.float() for k, v in network.state_dict().items()}), f"{name}.pth")
save_file(goldens, "goldens.safetensors")
