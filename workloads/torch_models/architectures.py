"""How an image flows through each network of the library: strides, paddings, poolings, activations.

The layers, their tensors and their order stand in the model's file; here is what it leaves out. A
flow calls `run(layer's name, input)` for each layer, in the order of that file. Dropout and local
response normalisation are left out: they have no parameters, and without them the same input always
gives the same gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from torch import Tensor, cat
from torch.nn.functional import avg_pool2d, max_pool2d, relu, relu6

Run: TypeAlias = Callable[[str, Tensor], Tensor]
Flow: TypeAlias = Callable[[Run, Tensor], Tensor]


@dataclass(frozen=True)
class Architecture:
    """A network, apart from its tensors.

    Attributes:
        flow: the way of an image through the layers.
        strides: of the layers that stride, by name.
        unpadded: layers without padding. All others keep width and height (before they stride).
        linear: layers without activation; the last one never has one.
        activation: of all others.
        epsilon: of the batch normalisation.
    """

    flow: Flow
    strides: Mapping[str, int] = field(default_factory=dict)
    unpadded: frozenset[str] = frozenset()
    linear: frozenset[str] = frozenset()
    activation: Callable[[Tensor], Tensor] = relu
    epsilon: float = 1e-5


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _shrink(x: Tensor) -> Tensor:
    """The pooling that halves width and height, and leaves no pixel out at the edge."""
    return max_pool2d(x, 3, 2, ceil_mode=True)


def _mean(x: Tensor) -> Tensor:
    """One value per channel."""
    return x.mean((2, 3))


def _alexnet(run: Run, x: Tensor) -> Tensor:
    x = _shrink(run("conv1", x))
    x = _shrink(run("conv2", x))
    x = _shrink(run("conv5", run("conv4", run("conv3", x))))
    return run("fc8", run("fc7", run("fc6", x.flatten(1))))


def _digits_cnn(run: Run, x: Tensor) -> Tensor:
    x = max_pool2d(run("conv2", run("conv1", x)), 2)
    return run("fc2", run("fc1", x.flatten(1)))


def _vgg19(run: Run, x: Tensor) -> Tensor:
    for block, layers in enumerate((2, 2, 4, 4, 4), start=1):
        for layer in range(1, layers + 1):
            x = run(f"c{block}_{layer}", x)
        x = max_pool2d(x, 2)
    return run("fc8", run("fc7", run("fc6", x.flatten(1))))


def _googlenet(run: Run, x: Tensor) -> Tensor:
    x = _shrink(run("conv1", x))
    x = _shrink(run("conv2", run("conv2r", x)))
    for block in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        if block in ("4a", "5a"):
            x = _shrink(x)
        paths = (
            run(f"{block}.1x1", x),
            run(f"{block}.3", run(f"{block}.3r", x)),
            run(f"{block}.5", run(f"{block}.5r", x)),
            run(f"{block}.pp", max_pool2d(x, 3, 1, 1)),
        )
        x = cat(paths, 1)
    return run("fc", _mean(x))


def _inception3(run: Run, x: Tensor) -> Tensor:
    def chain(block: str, layers: str, x: Tensor) -> Tensor:
        for layer in layers.split():
            x = run(f"{block}.{layer}", x)
        return x

    def around(x: Tensor) -> Tensor:
        return avg_pool2d(x, 3, 1, 1)

    x = max_pool2d(run("c3", run("c2", run("c1", x))), 3, 2)
    x = max_pool2d(run("c5", run("c4", x)), 3, 2)
    for block in ("A0", "A1", "A2"):
        paths = [chain(block, layers, x) for layers in ("1", "5r 5", "3r 3a 3b")]
        x = cat((*paths, chain(block, "p", around(x))), 1)
    x = cat((*(chain("B", layers, x) for layers in ("3", "r a b")), max_pool2d(x, 3, 2)), 1)
    for block in ("C0", "C1", "C2", "C3"):
        paths = [chain(block, layers, x) for layers in ("1", "7r 7a 7b", "dr d1 d2 d3 d4")]
        x = cat((*paths, chain(block, "p", around(x))), 1)
    paths = [chain("D", layers, x) for layers in ("r 3", "7r 7a 7b 7c")]
    x = cat((*paths, max_pool2d(x, 3, 2)), 1)
    for block in ("E0", "E1"):
        straight = chain(block, "1", x)
        three = chain(block, "3r", x)
        threes = [chain(block, layer, three) for layer in ("3a", "3b")]
        double = chain(block, "dr d1", x)
        doubles = [chain(block, layer, double) for layer in ("d2", "d3")]
        x = cat((straight, *threes, *doubles, chain(block, "p", around(x))), 1)
    return run("fc", _mean(x))


def _resnet(*stages: int) -> Flow:
    def flow(run: Run, x: Tensor) -> Tensor:
        x = max_pool2d(run("conv1", x), 3, 2, 1)
        for stage, blocks in enumerate(stages):
            for number in range(blocks):
                block = f"s{stage}b{number}"
                shortcut = x if number else run(f"{block}.ds", x)
                x = relu(shortcut + run(f"{block}.c", run(f"{block}.b", run(f"{block}.a", x))))
        return run("fc", _mean(x))

    return flow


def _resnet_of(*stages: int) -> Architecture:
    blocks = [f"s{stage}b{block}" for stage, length in enumerate(stages) for block in range(length)]
    strided = [f"s{stage}b0.{layer}" for stage in range(1, len(stages)) for layer in ("a", "ds")]
    return Architecture(
        _resnet(*stages),
        strides={"conv1": 2, **dict.fromkeys(strided, 2)},
        linear=frozenset(f"{block}.{layer}" for block in blocks for layer in ("c", "ds")),
    )


def _mobilenet(run: Run, x: Tensor) -> Tensor:
    x = run("conv1", x)
    for block in range(17):
        expanded = run(f"e{block}", x) if block else x
        projected = run(f"p{block}", run(f"d{block}", expanded))
        x = x + projected if x.shape == projected.shape else projected
    return run("fc", _mean(run("last", x)))


def _mobilenet_v1(run: Run, x: Tensor) -> Tensor:
    x = run("conv1", x)
    for block in range(13):
        x = run(f"pw{block}", run(f"dw{block}", x))
    return run("fc", _mean(x))


def _squeezenet(run: Run, x: Tensor) -> Tensor:
    x = _shrink(run("conv1", x))
    for block in (0, 1, 2, 4, 5, 6, 7, 9):
        if block in (4, 9):
            x = _shrink(x)
        squeezed = run(f"fire{block}.s", x)
        x = cat((run(f"fire{block}.e1", squeezed), run(f"fire{block}.e3", squeezed)), 1)
    return _mean(run("conv10", x))


ARCHITECTURES: Mapping[str, Architecture] = {
    "alexnet": Architecture(_alexnet, strides={"conv1": 4}, unpadded=_names("conv1")),
    "googlenet": Architecture(_googlenet, strides={"conv1": 2}),
    "inception3": Architecture(
        _inception3,
        strides=dict.fromkeys(("c1", "B.3", "B.b", "D.3", "D.7c"), 2),
        unpadded=_names("c1 c2 c5 B.3 B.b D.3 D.7c"),
        epsilon=1e-3,
    ),
    "resnet50": _resnet_of(3, 4, 6, 3),
    "mobilenet": Architecture(
        _mobilenet,
        strides=dict.fromkeys(("conv1", "d1", "d3", "d6", "d13"), 2),
        linear=frozenset(f"p{block}" for block in range(17)),
        activation=relu6,
    ),
    "mobilenet_v1": Architecture(
        _mobilenet_v1, strides=dict.fromkeys(("conv1", "dw1", "dw3", "dw5", "dw11"), 2)
    ),
    "vgg19": Architecture(_vgg19),
    "resnet152": _resnet_of(3, 8, 36, 3),
    "squeezenet": Architecture(_squeezenet, strides={"conv1": 2}, unpadded=_names("conv1")),
    "digits-cnn": Architecture(_digits_cnn),
}
