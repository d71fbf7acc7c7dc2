"""How long single layers and whole networks take here, forward and backward, in PyTorch.

`python -m workloads.torch_models.layer_times` reads what to time from standard input, one JSON
object per line, and answers each with a line; `orchestrator.profile` asks. Parameters and input are
random. The least of several repeats counts: whatever disturbs one only makes it longer. Repeats of
a short layer go on for longer than what usually disturbs a machine lasts.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from workloads.models.profiles import Model
from workloads.torch_models.modules import module_of
from workloads.torch_models.networks import Network

_REPEATS = 7
_LEAST_REPEATS = 3
_ENOUGH_SECONDS = 0.25
_LEAST_SECONDS = 0.04
"""Another process is on the CPU for some milliseconds at a time, maybe twice in a row."""
_CONVOLUTIONS = {2: functional.conv2d, 3: functional.conv3d}

Forward = Callable[[], Tensor]


class Timed:
    """A layer or network, ready to be run: what it computes, and what wants gradients.

    Attributes:
        forward: computes the output.
        leaves: tensors that get a gradient.
    """

    def __init__(self, forward: Forward, leaves: list[Tensor]) -> None:
        self.forward = forward
        self.leaves = leaves

    def once(self) -> tuple[float, float]:
        """Seconds of a forward and of a backward pass."""
        # Of one thread, what the processor gave it: others that had it meanwhile change nothing.
        clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
        for leaf in self.leaves:
            leaf.grad = None
        begin = clock()
        output = self.forward()
        forward = clock() - begin
        gradient = torch.ones_like(output)
        begin = clock()
        output.backward(gradient)
        return forward, clock() - begin


def least(
    once: Callable[[], tuple[float, float]],
    enough_seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[float, float]:
    """The least seconds of several repeats after one that is not counted.

    Args:
        once: carries out both passes, and returns their seconds.
        enough_seconds: after which three repeats are enough.
        clock: in seconds.
    """
    once()
    begin = clock()
    pairs: list[tuple[float, float]] = []
    while True:
        pairs.append(once())
        took = clock() - begin
        if len(pairs) >= (_LEAST_REPEATS if took > enough_seconds else _REPEATS) and (
            took > _LEAST_SECONDS
        ):
            return min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)


_WORDS = 1000  # of a vocabulary, at least
_VALUES = torch.randn(1 << 16, generator=torch.Generator().manual_seed(0))


def _random(*shape: int, gradient: bool = True) -> Tensor:
    """Random values that come again, for to draw a hundred megabytes takes longer than a layer."""
    count = math.prod(shape)
    repeated = _VALUES.repeat(math.ceil(count / len(_VALUES)))[:count]
    return repeated.reshape(shape).requires_grad_(gradient)


def _convolution(shape: Mapping[str, Any]) -> Timed:
    kernel = shape["kernel"]
    groups = shape["in"] if shape.get("depthwise") else 1
    x = _random(shape["batch"], shape["in"], *shape["size"], gradient=not shape.get("first"))
    weight = _random(shape["out"], shape["in"] // groups, *kernel)
    bias = _random(shape["out"]) if shape.get("bias") else None
    convolve = _CONVOLUTIONS[len(kernel)]
    padding = [side // 2 for side in kernel]

    def forward() -> Tensor:
        return functional.relu(convolve(x, weight, bias, shape["stride"], padding, 1, groups))

    return Timed(forward, [one for one in (x, weight, bias) if one is not None])


def _dense(shape: Mapping[str, Any]) -> Timed:
    x = _random(shape["rows"], shape["in"])
    weight, bias = _random(shape["out"], shape["in"]), _random(shape["out"])
    return Timed(lambda: functional.relu(functional.linear(x, weight, bias)), [x, weight, bias])


def _attention(shape: Mapping[str, Any]) -> Timed:
    size = (shape["batch"], shape["heads"], shape["length"], shape["width"] // shape["heads"])
    q, k, v = (_random(*size) for _ in range(3))
    causal = bool(shape.get("causal"))
    attend = functional.scaled_dot_product_attention
    return Timed(lambda: attend(q, k, v, is_causal=causal), [q, k, v])


def _embedding(shape: Mapping[str, Any]) -> Timed:
    table = _random(shape["rows"], shape["width"])
    numbers = torch.randint(shape["rows"], (shape["batch"], shape["length"]))
    return Timed(lambda: functional.embedding(numbers, table), [table])


def _normalisation(shape: Mapping[str, Any]) -> Timed:
    x = _random(*shape["size"])
    if shape["over"] == "batch":
        channels = shape["size"][1]
        mean, variance = torch.zeros(channels), torch.ones(channels)
        gamma, beta = _random(channels), _random(channels)
        return Timed(
            lambda: functional.batch_norm(x, mean, variance, gamma, beta, True),
            [x, gamma, beta],
        )
    width = shape["size"][-1]
    gamma, beta = _random(width), _random(width)
    return Timed(lambda: functional.layer_norm(x, (width,), gamma, beta), [x, gamma, beta])


def _pooling(shape: Mapping[str, Any]) -> Timed:
    x = _random(shape["batch"], shape["in"], *shape["size"])
    pool = functional.max_pool2d if shape["over"] == "max" else functional.avg_pool2d
    kernel = shape["kernel"]
    return Timed(lambda: pool(x, kernel, shape["stride"], kernel // 2), [x])


def _other(shape: Mapping[str, Any]) -> Timed:
    x, y = (_random(shape["elements"]) for _ in range(2))
    if shape["what"] == "activation":
        return Timed(lambda: functional.gelu(x), [x])
    if shape["what"] == "sum":
        return Timed(lambda: x + y, [x, y])
    return Timed(lambda: torch.cat((x, y)), [x, y])


_BUILDERS: Mapping[str, Callable[[Mapping[str, Any]], Timed]] = {
    "convolution": _convolution,
    "depthwise": _convolution,
    "convolution-3d": _convolution,
    "depthwise-3d": _convolution,
    "dense": _dense,
    "attention": _attention,
    "embedding": _embedding,
    "normalisation": _normalisation,
    "pooling": _pooling,
    "other": _other,
}


def _network(asked: Mapping[str, Any]) -> Timed:
    size, given = asked["batch"], asked.get("model")
    name = asked["network"]
    module = module_of(name) if given is None else Network(name, Model.from_json(given))
    shape = (size, *module.input_shape)
    real = module.input_dtype.is_floating_point
    batch = torch.randn(shape) if real else torch.randint(_WORDS, shape)
    parameters: list[Tensor] = [*module.parameters()]
    return Timed(lambda: module(batch), parameters)


def built(shape: Mapping[str, Any]) -> Timed:
    """A layer of that shape; see `orchestrator.profile.shapes`."""
    return _BUILDERS[shape["kind"]](shape)


def times(asked: Mapping[str, Any]) -> dict[str, float]:
    """Seconds of a layer's or network's passes.

    Args:
        asked: `kind` and the layer's shape; or `network`, a model of the library, and `batch`,
            perhaps with `model`, the same layers of other widths.
    """
    if "network" in asked:
        forward, backward = least(_network(asked).once, math.inf)
    else:
        forward, backward = least(built(asked).once, _ENOUGH_SECONDS)
    return {"forward": forward, "backward": backward}


def main() -> None:
    """Answer what standard input asks, until it ends; the first argument is the threads."""
    threads = int(sys.argv[1])
    cpus = sorted(os.sched_getaffinity(0))[:threads]
    os.sched_setaffinity(0, cpus)
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    print(json.dumps({"torch": torch.__version__, "cpus": cpus}), flush=True)
    for line in sys.stdin:
        print(json.dumps(times(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
