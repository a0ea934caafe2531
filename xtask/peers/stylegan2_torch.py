"""StyleGAN2's synthesis in plain PyTorch on the CPU, to measure Lumawire's against.

Reads commands from its input, a line each:

    network RESOLUTION CHANNEL_BASE CHANNEL_MAX   makes a network of random weights; answers "ready"
    threads N                                     sets the number of threads; answers "ready"
    draw                                          draws one picture; answers its time in ms

Styles scale the activations and demodulation follows the convolution, which leaves PyTorch less to
do for a single picture than modulating the weights. The up-sampling convolution is a transposed
convolution with stride 2 and then the filter [1, 3, 3, 1]. Channels come first, as in the published
code at full precision.

PyTorch's threads spin for a while when they have nothing to do. A picture's time is answered a
moment later, when they sleep and take no core from what is measured next.
"""

import math
import sys
import time

import torch
from torch.nn import functional as F

W_DIM = 512
PAUSE_SECS = 0.02
SQRT2 = math.sqrt(2.0)


def fir(gain):
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    taps = torch.outer(taps, taps)
    return taps / taps.sum() * gain


FIR = fir(4.0)


def filter_features(x, kernel):
    """The filter on every channel, zeros outside: one row and column shorter."""
    channels = x.shape[1]
    return F.conv2d(x, kernel.expand(channels, 1, 4, 4), padding=1, groups=channels)


def upsample(image):
    """Twice the size: zeros between the pixels, then the filter."""
    n, channels, height, width = image.shape
    x = image.reshape(n, channels, height, 1, width, 1)
    x = F.pad(x, [0, 1, 0, 0, 0, 1]).reshape(n, channels, 2 * height, 2 * width)
    x = F.pad(x, [2, 1, 2, 1])
    return F.conv2d(x, FIR.expand(channels, 1, 4, 4), groups=channels)


class Affine:
    def __init__(self, outputs):
        self.weight = torch.randn(outputs, W_DIM) / math.sqrt(W_DIM)
        self.bias = torch.ones(outputs)

    def __call__(self, w):
        return torch.addmm(self.bias, w, self.weight.t())


class Conv:
    def __init__(self, inputs, outputs, resolution, up):
        self.up = up
        self.affine = Affine(inputs)
        self.weight = torch.randn(outputs, inputs, 3, 3)
        self.power = self.weight.square().sum([2, 3]).t().contiguous()
        self.transposed = self.weight.transpose(0, 1).contiguous() if up else None
        self.bias = torch.zeros(outputs, 1, 1)
        self.noise = torch.randn(resolution, resolution) * 0.1

    def __call__(self, x, w):
        styles = self.affine(w)
        demodulation = (styles.square() @ self.power + 1e-8).rsqrt()
        x = x * styles[:, :, None, None]
        if self.up:
            x = filter_features(F.conv_transpose2d(x, self.transposed, stride=2), FIR)
        else:
            x = F.conv2d(x, self.weight, padding=1)
        x = torch.addcmul(self.noise, x, demodulation[:, :, None, None])
        x = F.leaky_relu(x.add_(self.bias), 0.2, inplace=True)
        return x.mul_(SQRT2)


class ToRgb:
    def __init__(self, inputs):
        self.affine = Affine(inputs)
        self.weight = torch.randn(3, inputs, 1, 1) / math.sqrt(inputs)
        self.bias = torch.zeros(3)

    def __call__(self, x, w):
        return F.conv2d(x * self.affine(w)[:, :, None, None], self.weight, self.bias)


class Synthesis:
    def __init__(self, resolution, channel_base, channel_max):
        self.blocks = []
        inputs = None
        side = 4
        while side <= resolution:
            outputs = min(channel_base // side, channel_max)
            if inputs is None:
                self.constant = torch.randn(1, outputs, 4, 4)
            conv0 = Conv(inputs, outputs, side, True) if inputs else None
            self.blocks.append((conv0, Conv(outputs, outputs, side, False), ToRgb(outputs)))
            inputs = outputs
            side *= 2
        self.w = torch.randn(1, W_DIM)

    def __call__(self):
        x, image = self.constant, None
        for conv0, conv1, to_rgb in self.blocks:
            if conv0 is not None:
                x = conv0(x, self.w)
            x = conv1(x, self.w)
            drawn = to_rgb(x, self.w)
            image = drawn if image is None else upsample(image).add_(drawn)
        return image


@torch.inference_mode()
def main():
    torch.manual_seed(0)
    network = None
    for line in sys.stdin:
        command, *numbers = line.split()
        if command == "network":
            network = Synthesis(*map(int, numbers))
            answer = "ready"
        elif command == "threads":
            torch.set_num_threads(int(numbers[0]))
            answer = "ready"
        else:
            start = time.perf_counter()
            network()
            answer = str((time.perf_counter() - start) * 1e3)
            time.sleep(PAUSE_SECS)
        print(answer, flush=True)


main()
