"""Random layers to time: shapes as networks have them, and the work that each is (pure).

Sizes are drawn log-uniformly within what a machine of a few gigabytes computes in a fraction of a
second. The same seed gives the same layers; number n depends on nothing but the seed and n.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from workloads.models.execution import Work

MOST_MACS = 2.5e9
MOST_BYTES = 160e6

_BYTES = 4
_BATCHES = (1, 2, 4, 8)
_SHARES: Mapping[str, float] = {
    "convolution": 0.34,
    "depthwise": 0.11,
    "convolution-3d": 0.07,
    "depthwise-3d": 0.05,
    "dense": 0.12,
    "attention": 0.07,
    "embedding": 0.05,
    "normalisation": 0.10,
    "pooling": 0.05,
    "other": 0.04,
}

Shape = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """A layer to time.

    Attributes:
        shape: its kind and sizes, as `workloads.torch_models.layer_times` takes them.
        work: what it does in a pass.
    """

    shape: Shape
    work: Work


def sample(seed: int, number: int, kinds: tuple[str, ...] = tuple(_SHARES)) -> Sample:
    """The layer of that number.

    Args:
        seed: of all layers.
        number: of this one, from 0.
        kinds: of layers to choose from.
    """
    draw = Random(f"{seed} {number}")
    kind = draw.choices(kinds, [_SHARES[one] for one in kinds])[0]
    while True:
        shape = {"kind": kind, **_DRAWN[kind](draw)}
        work = work_of(shape)
        bytes_in_all = work.bytes_in + work.bytes_out + work.bytes_of_parameters
        if work.macs <= MOST_MACS and bytes_in_all <= MOST_BYTES:
            return Sample(shape, work)


def work_of(shape: Mapping[str, Any]) -> Work:
    """The work of a layer of that shape."""
    macs, into, out, own = _WORK[shape["kind"]](shape)
    return Work(shape["kind"], macs, _BYTES * into, _BYTES * out, _BYTES * own)


def text_of(shape: Mapping[str, Any]) -> str:
    """A shape for people, such as `in 64, out 128, kernel 3x3, size 28x28, batch 4`."""
    parts = []
    for name, value in shape.items():
        if name == "kind" or value is False:
            continue
        if isinstance(value, list):
            value = "x".join(map(str, value))
        parts.append(name if value is True else f"{name} {value}")
    return ", ".join(parts)


def _log(draw: Random, least: float, most: float) -> int:
    return round(math.exp(draw.uniform(math.log(least), math.log(most))))


def _channels(draw: Random, least: int, most: int) -> int:
    """Mostly a multiple of 8, as people choose; else any number."""
    count = _log(draw, least, most)
    return max(8, count // 8 * 8) if draw.random() < 0.75 else count


def _planar(draw: Random) -> Shape:
    kernel = draw.choices(
        ([1, 1], [3, 3], [5, 5], [7, 7], [11, 11], [1, 7], [7, 1], [1, 3], [3, 1]),
        (36, 36, 8, 4, 1, 4, 4, 3, 3),
    )[0]
    side = _log(draw, max(4, *kernel), 160)
    first = draw.random() < 0.06
    return {
        "batch": draw.choice(_BATCHES),
        "in": 3 if first else _channels(draw, 8, 1536),
        "out": _channels(draw, 16, 128) if first else _channels(draw, 8, 1536),
        "size": [_log(draw, 64, 256)] * 2 if first else [side, side],
        "kernel": kernel,
        "stride": draw.choices((1, 2, 4 if first else 2), (78, 20, 2))[0],
        "bias": draw.random() < 0.5,
        "first": first,
    }


def _spatial(draw: Random) -> Shape:
    kernel = draw.choices(([1, 1, 1], [3, 3, 3], [1, 3, 3], [3, 1, 1]), (30, 40, 15, 15))[0]
    side = _log(draw, 4, 64)
    return {
        "batch": draw.choice(_BATCHES[:3]),
        "in": _channels(draw, 8, 512),
        "out": _channels(draw, 8, 512),
        "size": [_log(draw, 4, 32), side, side],
        "kernel": kernel,
        "stride": draw.choices((1, 2), (80, 20))[0],
        "bias": draw.random() < 0.5,
    }


def _each_channel(drawn: Callable[[Random], Shape]) -> Callable[[Random], Shape]:
    def depthwise(draw: Random) -> Shape:
        shape = drawn(draw)
        kernel = draw.choices((3, 5, 7), (75, 20, 5))[0]
        channels = _channels(draw, 8, 1536)
        return {
            **shape,
            "in": channels,
            "out": channels,
            "size": [max(side, 4) for side in shape["size"]],
            "kernel": [kernel] * len(shape["kernel"]),
            "first": False,
            "depthwise": True,
        }

    return depthwise


def _dense(draw: Random) -> Shape:
    rows = draw.choice(_BATCHES) * (1 if draw.random() < 0.5 else _log(draw, 16, 512))
    return {"rows": rows, "in": _channels(draw, 16, 12288), "out": _channels(draw, 10, 12288)}


def _attention(draw: Random) -> Shape:
    head = draw.choice((32, 64, 64, 128))
    return {
        "batch": draw.choice(_BATCHES),
        "heads": (heads := draw.choice((1, 2, 4, 8, 12, 16))),
        "width": head * heads,
        "length": _log(draw, 8, 1024),
        "causal": draw.random() < 0.5,
    }


def _embedding(draw: Random) -> Shape:
    return {
        "batch": draw.choice(_BATCHES),
        "length": _log(draw, 8, 1024),
        "rows": _log(draw, 100, 60000),
        "width": _channels(draw, 16, 1600),
    }


def _normalisation(draw: Random) -> Shape:
    batch = draw.choice(_BATCHES)
    if draw.random() < 0.3:
        size = [batch, _log(draw, 8, 1024), _channels(draw, 16, 2048)]
        return {"over": "last", "size": size}
    side = _log(draw, 4, 160)
    return {"over": "batch", "size": [batch, _channels(draw, 8, 2048), side, side]}


def _pooling(draw: Random) -> Shape:
    side = _log(draw, 4, 160)
    return {
        "over": draw.choice(("max", "mean")),
        "batch": draw.choice(_BATCHES),
        "in": _channels(draw, 8, 1536),
        "size": [side, side],
        "kernel": draw.choice((2, 3, 3)),
        "stride": draw.choice((1, 2, 2)),
    }


def _other(draw: Random) -> Shape:
    return {
        "what": draw.choice(("activation", "sum", "concatenation")),
        "elements": _log(draw, 1e3, 1e7),
    }


_DRAWN: Mapping[str, Callable[[Random], Shape]] = {
    "convolution": _planar,
    "depthwise": _each_channel(_planar),
    "convolution-3d": _spatial,
    "depthwise-3d": _each_channel(_spatial),
    "dense": _dense,
    "attention": _attention,
    "embedding": _embedding,
    "normalisation": _normalisation,
    "pooling": _pooling,
    "other": _other,
}

_Quantities = tuple[int, int, int, int]
"""Multiply-accumulates, and elements in, out and of parameters."""


def _of_convolution(shape: Mapping[str, Any]) -> _Quantities:
    groups = shape["in"] if shape.get("depthwise") else 1
    kernel, stride = shape["kernel"], shape["stride"]
    sides = [
        (size + 2 * (side // 2) - side) // stride + 1
        for size, side in zip(shape["size"], kernel, strict=True)
    ]
    out = shape["batch"] * shape["out"] * math.prod(sides)
    weights = shape["in"] // groups * math.prod(kernel)
    into = shape["batch"] * shape["in"] * math.prod(shape["size"])
    own = shape["out"] * (weights + (1 if shape.get("bias") else 0))
    return out * weights, into, out, own


def _of_dense(shape: Mapping[str, Any]) -> _Quantities:
    rows, into, out = shape["rows"], shape["in"], shape["out"]
    return rows * into * out, rows * into, rows * out, out * (into + 1)


def _of_attention(shape: Mapping[str, Any]) -> _Quantities:
    out = shape["batch"] * shape["length"] * shape["width"]
    return 2 * out * shape["length"], 3 * out, out, 0


def _of_embedding(shape: Mapping[str, Any]) -> _Quantities:
    tokens = shape["batch"] * shape["length"]
    return 0, tokens, tokens * shape["width"], shape["rows"] * shape["width"]


def _of_normalisation(shape: Mapping[str, Any]) -> _Quantities:
    elements = math.prod(shape["size"])
    return 0, elements, elements, 2 * shape["size"][1 if shape["over"] == "batch" else -1]


def _of_pooling(shape: Mapping[str, Any]) -> _Quantities:
    kernel, stride = shape["kernel"], shape["stride"]
    of_all = shape["batch"] * shape["in"]
    sides = [(size + 2 * (kernel // 2) - kernel) // stride + 1 for size in shape["size"]]
    return 0, of_all * math.prod(shape["size"]), of_all * math.prod(sides), 0


def _of_other(shape: Mapping[str, Any]) -> _Quantities:
    elements = shape["elements"]
    activation, concatenation = (shape["what"] == one for one in ("activation", "concatenation"))
    return 0, elements * (1 if activation else 2), elements * (2 if concatenation else 1), 0


_WORK: Mapping[str, Callable[[Mapping[str, Any]], _Quantities]] = {
    "convolution": _of_convolution,
    "depthwise": _of_convolution,
    "convolution-3d": _of_convolution,
    "depthwise-3d": _of_convolution,
    "dense": _of_dense,
    "attention": _of_attention,
    "embedding": _of_embedding,
    "normalisation": _of_normalisation,
    "pooling": _of_pooling,
    "other": _of_other,
}
