"""StyleGAN2's synthesis in PyTorch on a GPU, to measure Lumawire's against and to compare pictures.

Reads requests from its input and answers each, as JSON, a line each; see `Peer`. A way to draw is
called ALGORITHM/NUMBERS/LAYOUT/RUN:

    ALGORITHM  published  the published maths in plain PyTorch: modulated weights, a transposed
                          convolution and a filter for up-sampling
               folded     the same pictures with less to do: scaled activations, and the transposed
                          convolution and its filter folded into one convolution
               original   the published program, its own kernels included, from a checkout of
                          NVlabs/stylegan2-ada-pytorch that `--stylegan2-dir` or the environment's
                          LUMAWIRE_STYLEGAN2 names; its licence forbids to ship it
    NUMBERS    f32, tf32, f16, bf16, f64: in all layers; published: halves in the four finest
               resolutions and f32 below; published+tf32: and tf32 below, PyTorch's own default
    LAYOUT     nchw, nhwc: channels first or last
    RUN        eager: kernel by kernel; graph: all kernels of a picture recorded as one CUDA graph

`--check` compares all ways with pictures of the published code instead, and needs no GPU with
`--device cpu`, where graphs are left out and the clock is the computer's.
"""

import argparse
import contextlib
import gc
import json
import math
import os
import pathlib
import sys
import time

import numpy as np
import torch
from safetensors import safe_open
from torch.nn import functional as F

SQRT2 = math.sqrt(2.0)
# The filter [1, 3, 3, 1] with gain 2 along an axis.
TAPS = (0.25, 0.75, 0.75, 0.25)
NUM_HALF_RESOLUTIONS = 4
NUM_WARM_UPS = 5
MATRIX_SIDE = {"cuda": 8192, "cpu": 512}
COPY_BYTES = {"cuda": 1 << 31, "cpu": 1 << 26}
# Times that a layer is run within one timed piece of work.
NUM_REPEATS = {"cuda": 20, "cpu": 1}

DTYPES = {
    "f64": torch.float64,
    "f32": torch.float32,
    "tf32": torch.float32,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
}
LAYOUTS = {"nchw": torch.contiguous_format, "nhwc": torch.channels_last}


def set_tf32(numbers):
    allowed = numbers.endswith("tf32")
    torch.backends.cudnn.allow_tf32 = allowed
    torch.backends.cuda.matmul.allow_tf32 = allowed


def dtype_of(numbers, resolution, img_resolution):
    """In what the block at `resolution` is computed."""
    if not numbers.startswith("published"):
        return DTYPES[numbers]
    is_fine = resolution >= 8 and resolution << NUM_HALF_RESOLUTIONS > img_resolution
    return torch.float16 if is_fine else torch.float32


class Style:
    """What every convolution has: its styles of a w, and its numbers."""

    def __init__(self, weights, prefix, dtype, layout):
        self.dtype, self.layout = dtype, layout
        # Whatever the layers are in, styles and weights are prepared in 32 bits, or in 64.
        self.exact = torch.float64 if dtype == torch.float64 else torch.float32

        def get(name):
            return weights[f"{prefix}.{name}"].to(self.exact)

        self.get = get
        self.affine = get("affine.weight").div(math.sqrt(get("affine.weight").shape[1]))
        self.affine_bias = get("affine.bias")
        self.weight = get("weight").to(memory_format=layout)
        self.bias = get("bias").to(dtype).reshape(1, -1, 1, 1)

    def styles(self, w):
        return torch.addmm(self.affine_bias, w.to(self.exact), self.affine.t())

    def kernels(self, weight):
        return weight.to(dtype=self.dtype, memory_format=self.layout)


def activate(x, bias, gain, clamp):
    x = F.leaky_relu(x.add_(bias), 0.2, inplace=True).mul_(gain)
    return x if clamp is None else x.clamp_(-clamp, clamp)


def fir(device, dtype):
    taps = torch.tensor(TAPS, dtype=torch.float64)
    return torch.outer(taps, taps).to(device, dtype)


def filter_features(x, kernel):
    """The filter on every channel, zeros outside: one row and column shorter."""
    channels = x.shape[1]
    return F.conv2d(x, kernel.expand(channels, 1, 4, 4), padding=1, groups=channels)


def upsample(image, kernel):
    """Twice the size: zeros between the pixels, then the filter."""
    n, channels, height, width = image.shape
    x = image.reshape(n, channels, height, 1, width, 1)
    x = F.pad(x, [0, 1, 0, 0, 0, 1]).reshape(n, channels, 2 * height, 2 * width)
    return F.conv2d(F.pad(x, [2, 1, 2, 1]), kernel.expand(channels, 1, 4, 4), groups=channels)


class PublishedConv(Style):
    """Styles and demodulation change the weights, as the published code draws single pictures."""

    def __init__(self, weights, prefix, dtype, layout, up, clamp):
        super().__init__(weights, prefix, dtype, layout)
        self.up, self.clamp = up, clamp
        self.noise, self.noise_strength = self.get("noise_const"), self.get("noise_strength")
        self.fir = fir(self.weight.device, dtype)

    def __call__(self, x, w):
        weight, styles = self.weight, self.styles(w)
        if self.dtype == torch.float16:
            # Demodulation cancels both factors; they keep sums within what a half holds.
            gain = 1.0 / math.sqrt(weight[0].numel())
            weight = weight * (gain / weight.abs().amax([1, 2, 3], keepdim=True))
            styles = styles / styles.abs().amax(1, keepdim=True)
        weight = weight * styles.reshape(1, -1, 1, 1)
        power = weight.square().sum([1, 2, 3], keepdim=True)
        weight = self.kernels(weight * (power + 1e-8).rsqrt())
        if self.up:
            x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
            x = filter_features(x, self.fir)
        else:
            x = F.conv2d(x, weight, padding=1)
        x = x.add_(self.noise * self.noise_strength)
        return activate(x, self.bias, SQRT2, self.clamp)


def fold(weight):
    """Kernels `[outputs, inputs, 3, 3]` and the filter as `[outputs * 4, inputs, 3, 3]`: the four
    phases of every output, a convolution of what comes in.

    With z[2i + a] += W[a] x[i] and y[o] = sum_t f[t] z[o + t - 1], phase p of y at 2i + p takes
    x[i + d] times the sum of f[t] W[a] over all t = a - p + 1 + 2d.
    """
    combine = weight.new_zeros(2, 3, 3)
    for phase in range(2):
        for d in range(-1, 2):
            for a in range(3):
                t = a - phase + 1 + 2 * d
                if 0 <= t < 4:
                    combine[phase, d + 1, a] = TAPS[t]
    outputs, inputs = weight.shape[:2]
    folded = torch.einsum("pya,qxb,oiab->opqiyx", combine, combine, weight)
    return folded.reshape(4 * outputs, inputs, 3, 3)


class FoldedConv(Style):
    """Styles scale what comes in, demodulation what goes out, and nothing is filtered."""

    def __init__(self, weights, prefix, dtype, layout, up, clamp):
        super().__init__(weights, prefix, dtype, layout)
        self.up, self.clamp = up, clamp
        self.noise = (self.get("noise_const") * self.get("noise_strength")).to(dtype)
        self.power = self.weight.square().sum([2, 3]).t().contiguous()
        self.gain = math.sqrt(self.weight[0].numel())
        weight = self.weight / self.gain
        self.weight = self.kernels(fold(weight.contiguous()) if up else weight)

    def __call__(self, x, w):
        styles = self.styles(w)
        demodulation = (styles.square() @ self.power + 1e-8).rsqrt()
        most = styles.abs().amax(1, keepdim=True)
        x = x * (styles / most).to(self.dtype)[:, :, None, None]
        x = F.conv2d(x, self.weight, padding=1)
        if self.up:
            x = F.pixel_shuffle(x, 2)
        gain = (demodulation * most * self.gain).to(self.dtype)
        x = torch.addcmul(self.noise, x, gain[:, :, None, None])
        return activate(x, self.bias, SQRT2, self.clamp)


class ToRgb(Style):
    def __init__(self, weights, prefix, dtype, layout, clamp):
        super().__init__(weights, prefix, dtype, layout)
        self.clamp = clamp
        self.gain = 1.0 / math.sqrt(self.weight.shape[1])

    def __call__(self, x, w):
        styles = self.styles(w) * self.gain
        weight = self.kernels(self.weight * styles.reshape(1, -1, 1, 1))
        x = F.conv2d(x, weight).add_(self.bias)
        x = x if self.clamp is None else x.clamp_(-self.clamp, self.clamp)
        return x.to(dtype=self.exact, memory_format=torch.contiguous_format)


class Synthesis:
    """Draws `ws` `[1, num_ws, w_dim]` by weights of the published names."""

    def __init__(self, weights, config, algorithm, numbers, layout):
        conv = {"published": PublishedConv, "folded": FoldedConv}[algorithm]
        img_resolution = config["img_resolution"]
        clamp = config.get("synthesis_kwargs", {}).get("conv_clamp")
        self.constant = weights["synthesis.b4.const"].unsqueeze(0)
        self.layout = layout
        self.blocks = []
        for resolution in resolutions(config):
            dtype = dtype_of(numbers, resolution, img_resolution)
            block = f"synthesis.b{resolution}"
            up = None
            if resolution > 4:
                up = conv(weights, f"{block}.conv0", dtype, layout, True, clamp)
            same = conv(weights, f"{block}.conv1", dtype, layout, False, clamp)
            to_rgb = ToRgb(weights, f"{block}.torgb", dtype, layout, clamp)
            self.blocks.append((dtype, up, same, to_rgb))
        exact = torch.float64 if numbers == "f64" else torch.float32
        self.fir = fir(self.constant.device, exact)

    def __call__(self, ws):
        x, image = self.constant, None
        for i, (dtype, up, same, to_rgb) in enumerate(self.blocks):
            x = x.to(dtype=dtype, memory_format=self.layout)
            if up is not None:
                x = up(x, ws[:, 2 * i - 1])
            x = same(x, ws[:, 2 * i])
            drawn = to_rgb(x, ws[:, 2 * i + 1])
            image = drawn if image is None else upsample(image, self.fir).add_(drawn)
        return image


def resolutions(config):
    return [4 << i for i in range(int(math.log2(config["img_resolution"])) - 1)]


class Original:
    """The published program from a checkout of it."""

    def __init__(self, directory, device):
        sys.path.insert(0, str(directory))
        # It lends newer Pythons the `distutils` that the program imports.
        with contextlib.suppress(ImportError):
            import setuptools  # noqa: F401
        from torch_utils.ops import bias_act, upfirdn2d
        from training.networks import SynthesisNetwork

        self.network = SynthesisNetwork
        self.note = "with its kernels"
        if device.type == "cpu":
            self.note = "without its kernels, which need a GPU"
            return
        try:
            from torch.utils import cpp_extension

            # Its own loader looks for the built modules where PyTorch no longer puts them.
            ops = pathlib.Path(directory) / "torch_utils" / "ops"
            for module, name in ((upfirdn2d, "upfirdn2d"), (bias_act, "bias_act")):
                module._plugin = cpp_extension.load(
                    name=f"{name}_plugin",
                    sources=[str(ops / f"{name}.cpp"), str(ops / f"{name}.cu")],
                    extra_cuda_cflags=["--use_fast_math"],
                )
                module._inited = True
        except Exception as error:
            reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
            self.note = f"without its kernels, which could not be built: {reason[0]}"

    def __call__(self, weights, config, numbers, layout, device):
        arguments = dict(config.get("synthesis_kwargs", {}))
        arguments["num_fp16_res"] = NUM_HALF_RESOLUTIONS if "published" in numbers else 0
        arguments["fp16_channels_last"] = layout == torch.channels_last
        network = self.network(config["w_dim"], config["img_resolution"], 3, **arguments)
        own = {}
        for name, value in network.state_dict().items():
            if name.endswith("resample_filter"):
                own[name] = value
            else:
                own[name] = weights[f"synthesis.{name}"].reshape(value.shape)
        network.load_state_dict(own)
        network = network.eval().requires_grad_(False).to(device)
        return lambda ws: network(ws, noise_mode="const")


class Way:
    """A way to draw, ready: warmed up and, if it is one, recorded."""

    def __init__(self, name, draw, ws, device):
        algorithm, self.numbers, layout, run = name.split("/")
        self.device, self.draw_ws = device, draw
        self.source = ws.pin_memory() if device.type == "cuda" else ws
        self.ws = ws.to(device)
        self.graph = None
        for _ in range(NUM_WARM_UPS if device.type == "cuda" else 0):
            self.draw()
        if run == "graph":
            if device.type != "cuda":
                raise ValueError("graphs need a GPU")
            self.record()

    def record(self):
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(NUM_WARM_UPS):
                self.draw_ws(self.ws)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.image = self.draw_ws(self.ws)
        self.graph = graph

    def draw(self):
        """Draws one picture of ws that come from the computer, as they do for every frame."""
        set_tf32(self.numbers)
        self.ws.copy_(self.source, non_blocking=True)
        if self.graph is not None:
            self.graph.replay()
            return self.image
        return self.draw_ws(self.ws)


class Clock:
    """Marks on the device, or on a CPU the computer's clock."""

    def __init__(self, device):
        self.is_cuda = device.type == "cuda"

    def mark(self):
        if not self.is_cuda:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def finish(self):
        if self.is_cuda:
            torch.cuda.synchronize()

    def ms(self, a, b):
        return a.elapsed_time(b) if self.is_cuda else (b - a) * 1e3

    def times(self, work, count):
        """Times in ms from the end of one piece of work to the end of the next."""
        marks = [self.mark()]
        for _ in range(count):
            work()
            marks.append(self.mark())
        self.finish()
        return [self.ms(a, b) for a, b in zip(marks, marks[1:])]

    def median(self, work, count=20):
        for _ in range(NUM_WARM_UPS):
            work()
        return float(np.median(self.times(work, count)))

    def repeated(self, work, repeats):
        """Median time of `work` among many of it, without the time to ask for each."""

        def many():
            for _ in range(repeats):
                work()

        if not self.is_cuda:
            return self.median(many, 3) / repeats
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            many()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            many()
        return self.median(graph.replay) / repeats


def load(path, device):
    """Weights by name, and the configuration that lies with them."""
    with safe_open(path, "pt") as file:
        config = json.loads(file.metadata()["config"])
        weights = {k: file.get_tensor(k).to(device) for k in file.keys() if k.startswith("syn")}
    if config.get("synthesis_kwargs", {}).get("architecture", "skip") != "skip":
        raise ValueError("only networks of the skip architecture are measured")
    return weights, config


def uuid_of(index):
    """The hexadecimal digits of a GPU's UUID."""
    uuid = str(torch.cuda.get_device_properties(index).uuid).lower()
    return "".join(digit for digit in uuid if digit in "0123456789abcdef")


def difference(a, b):
    """Largest and root mean square difference from `b`, in units of its deviation."""
    error, std = a.double() - b.double(), float(b.double().std())
    return {"max": float(error.abs().max()) / std, "rms": float(error.square().mean().sqrt()) / std}


class Peer:
    """Answers requests; `do` names the method, the rest are its arguments."""

    def __init__(self, device, directory):
        self.device = torch.device(device)
        self.clock = Clock(self.device)
        self.directory, self.original = directory, None
        self.ways = {}
        self.reference = None
        torch.backends.cudnn.benchmark = True

    def start(self, uuid=None):
        """Chooses the GPU by the hexadecimal digits of its UUID; says what measures."""
        answer = {"torch": torch.__version__, "device": "CPU"}
        if self.device.type == "cuda":
            found = {uuid_of(i): i for i in range(torch.cuda.device_count())}
            if len(found) > 1 and uuid is not None and uuid not in found:
                raise ValueError(f"PyTorch sees no GPU with the UUID {uuid}: {sorted(found)}")
            torch.cuda.set_device(found.get(uuid, 0))
            self.device = torch.device("cuda", torch.cuda.current_device())
            answer["device"] = torch.cuda.get_device_name()
            answer["cudnn"] = torch.backends.cudnn.version()
        if self.directory:
            try:
                self.original = Original(self.directory, self.device)
                answer["original"] = self.original.note
            except Exception as error:
                answer["original"] = f"could not be loaded: {error}"
        return answer

    def rates(self):
        """Operations a second of a large matrix product in each kind of numbers, and bytes a second
        that a copy reads and writes."""
        side, answer = MATRIX_SIDE[self.device.type], {}
        for numbers in ("f32", "tf32", "f16", "bf16"):
            set_tf32(numbers)
            a, b = (torch.randn(side, side, device=self.device).to(DTYPES[numbers]) for _ in "ab")
            out = torch.empty_like(a)
            ms = self.clock.median(lambda: torch.mm(a, b, out=out))
            answer[numbers] = 2.0 * side**3 / ms * 1e3
        size = COPY_BYTES[self.device.type]
        source = torch.randint(0, 255, (size,), dtype=torch.uint8, device=self.device)
        target = torch.empty_like(source)
        ms = self.clock.median(lambda: target.copy_(source))
        answer["copied"] = 2.0 * size / ms * 1e3
        return answer

    def network(self, weights, ws):
        """Takes another network: a safetensors file of weights, and one of `ws`."""
        self.drop()
        self.reference = None
        self.weights, self.config = load(weights, self.device)
        with safe_open(ws, "pt") as file:
            self.ws = file.get_tensor("ws").float()
        return {}

    def drop(self):
        """Lets go of all ways that are ready."""
        self.ways.clear()
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return {}

    def way(self, name):
        if name not in self.ways:
            algorithm, numbers, layout, run = name.split("/")
            set_tf32(numbers)
            network = self.draws(algorithm, numbers, LAYOUTS[layout])
            self.ways[name] = Way(name, network, self.ws, self.device)
        return self.ways[name]

    def draws(self, algorithm, numbers, layout):
        if algorithm != "original":
            return Synthesis(self.weights, self.config, algorithm, numbers, layout)
        if self.original is None:
            raise ValueError("needs --stylegan2-dir, a checkout of NVlabs/stylegan2-ada-pytorch")
        if numbers not in ("f32", "tf32", "published", "published+tf32"):
            raise ValueError(f"the published program does not draw in {numbers}")
        return self.original(self.weights, self.config, numbers, layout, self.device)

    def prepare(self, way):
        """Makes a way ready, untimed."""
        self.way(way)
        return {}

    def time(self, way, count):
        """Times of `count` pictures one right after the other, by marks on the device, and of some
        that are waited for one by one, by the computer's clock; in ms."""
        way = self.way(way)
        for _ in range(NUM_WARM_UPS):
            way.draw()
        streamed = self.clock.times(way.draw, count)
        waited = []
        for _ in range(math.ceil(count / 4)):
            start = time.perf_counter()
            way.draw()
            self.clock.finish()
            waited.append((time.perf_counter() - start) * 1e3)
        return {"streamed": streamed, "waited": waited}

    def compare(self, picture, numbers):
        """How far a picture, a file of f32 `[channels, height, width]`, and PyTorch's own in
        `numbers` are from PyTorch's in 64 bits."""
        if self.reference is None:
            self.reference = self.picture("published/f64/nchw/eager")
        other = torch.from_numpy(np.fromfile(picture, np.float32)).reshape(self.reference.shape)
        own = self.picture(f"published/{numbers}/nchw/eager")
        return {
            "other": difference(other, self.reference),
            "torch": difference(own, self.reference),
        }

    def picture(self, way):
        image = self.way(way).draw().cpu()
        self.ways.pop(way)
        return image

    def layer(self, inputs, outputs, side, up, numbers):
        """Times in ms of cuDNN's convolution of one layer, channels last, features of `side`² in:
        the folded one where it is up-sampled, and then `published`: the transposed convolution and
        the filter, as published."""
        set_tf32(numbers)

        def random(*shape):
            x = torch.randn(*shape, device=self.device).to(DTYPES[numbers])
            return x.to(memory_format=torch.channels_last)

        repeats = NUM_REPEATS[self.device.type]
        x = random(1, inputs, side, side)
        weight = random(4 * outputs if up else outputs, inputs, 3, 3)
        work = lambda: F.conv2d(x, weight, padding=1)
        answer = {"same": self.clock.repeated(work, repeats)}
        if up:
            weight = random(inputs, outputs, 3, 3)
            kernel = fir(self.device, DTYPES[numbers])
            work = lambda: filter_features(F.conv_transpose2d(x, weight, stride=2), kernel)
            answer["published"] = self.clock.repeated(work, repeats)
        return answer


# Largest difference from the pictures of the published code, in units of their deviation; what
# halves lose is measured, not bounded by theory.
TOLERANCES = {
    "f64": 1e-4,
    "f32": 1e-4,
    "tf32": 2e-2,
    "published": 2e-2,
    "f16": 2e-2,
    "bf16": 0.15,
}


def check(peer, folder):
    """Compares all ways with pictures of the published code; says whether all are near enough."""
    print(json.dumps(peer.start()), file=sys.stderr)
    runs = ["eager"] if peer.device.type == "cpu" else ["eager", "graph"]
    algorithms = ["published", "folded"] + ["original"] * (peer.original is not None)
    is_good, num_compared = True, 0
    for name in ("a", "b"):
        peer.weights, peer.config = load(folder / f"sg2ada_{name}.model.safetensors", peer.device)
        with safe_open(folder / f"sg2ada_{name}.goldens.safetensors", "pt") as file:
            all_ws, images = file.get_tensor("ws_psi1"), file.get_tensor("img_const_psi1")
        for algorithm in algorithms:
            for numbers, tolerance in TOLERANCES.items():
                if algorithm == "original" and numbers not in ("f32", "published"):
                    continue
                for layout in LAYOUTS:
                    for run in runs:
                        error = 0.0
                        few = 4 if tolerance < 1e-3 else 1
                        for ws, image in list(zip(all_ws.split(1), images.split(1)))[:few]:
                            peer.ws = ws
                            found = peer.picture(f"{algorithm}/{numbers}/{layout}/{run}")
                            error = max(error, difference(found, image)["max"])
                        good = error <= tolerance
                        is_good, num_compared = is_good and good, num_compared + 1
                        verdict = "" if good else f"  MORE THAN {tolerance:.0e}"
                        way = f"{algorithm}/{numbers}/{layout}/{run}"
                        print(f"{name} {way:<32} {error:.1e}{verdict}", file=sys.stderr)
    print(f"{num_compared} ways compared", file=sys.stderr)
    return is_good


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument(
        "--stylegan2-dir",
        default=os.environ.get("LUMAWIRE_STYLEGAN2"),
        help="a checkout of NVlabs/stylegan2-ada-pytorch; else what LUMAWIRE_STYLEGAN2 names",
    )
    folder = pathlib.Path(__file__).resolve().parents[2] / "tests" / "reference" / "stylegan2"
    parser.add_argument("--check", nargs="?", type=pathlib.Path, const=folder, metavar="FOLDER")
    arguments = parser.parse_args()
    peer = Peer(arguments.device, arguments.stylegan2_dir)
    if arguments.check:
        sys.exit(0 if check(peer, arguments.check) else 1)
    # What compilers and libraries print must not get among the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            request = json.loads(line)
            answer = getattr(peer, request.pop("do"))(**request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(answer), file=answers, flush=True)


main()
