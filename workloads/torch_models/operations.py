"""What single operations of torch multiply, and which kind of layer they make."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from workloads.models.profiles import Kind

UNCOUNTED = frozenset(
    [
        "_fft_r2c",
        "_fft_c2r",
        "_fft_c2c",
        "_cdist_forward",
        "linalg_qr",
        "linalg_svd",
        "_linalg_svd",
        "linalg_inv_ex",
        "_linalg_solve_ex",
        "linalg_matrix_exp",
        "bilinear",
    ]
)
"""Operations that multiply, and whose multiplications nobody counts here."""

_PRODUCTS = {"mm": 0, "bmm": 0, "addmm": 1, "baddbmm": 1, "mv": 0, "addmv": 1, "dot": 0}
"""By name, where the first factor is among an operation's tensors."""

_NAMED: dict[str, Kind] = {
    "embedding": "embedding",
    "_embedding_bag": "embedding",
    "native_layer_norm": "normalisation",
    "native_batch_norm": "normalisation",
    "_native_batch_norm_legit": "normalisation",
    "_native_batch_norm_legit_functional": "normalisation",
    "_batch_norm_with_update": "normalisation",
    "cudnn_batch_norm": "normalisation",
    "native_group_norm": "normalisation",
    "_fused_rms_norm": "normalisation",
}


def name_of(func: Any) -> str:
    """An operation's name, without namespace and overload."""
    return str(func.overloadpacket.__name__)


def macs_of(
    func: Any, args: Sequence[Any], read: Sequence[Tensor], written: Sequence[Tensor]
) -> int:
    """Multiply-accumulates of products and convolutions; 0 for all else.

    Args:
        func: the operation.
        args: of its call.
        read: the tensors among them, in their order.
        written: its results.
    """
    name = name_of(func)
    if name in _PRODUCTS:
        first = read[_PRODUCTS[name]]
        return written[0].numel() * first.shape[-1] if name != "dot" else first.numel()
    if name == "convolution":
        # A transposed convolution spreads each value that it reads.
        values = (read[0] if args[_TRANSPOSED] else written[0]).numel()
        return values * math.prod(read[1].shape[1:])
    return 0


def kind_of(func: Any, args: Sequence[Any], data: Sequence[Tensor], *, learnt: bool) -> Kind:
    """Which kind of layer an operation makes.

    Args:
        func: the operation.
        args: of its call.
        data: those of its tensors that come of the example.
        learnt: whether it computes with parameters.
    """
    name = name_of(func)
    if name in _PRODUCTS:
        return "dense" if learnt or len(data) < _FACTORS else "attention"
    if name == "convolution":
        weight = args[1]
        alone = args[_GROUPS] > 1 and weight.shape[1] == 1
        if weight.dim() == _OF_VIDEO:
            return "depthwise-3d" if alone else "convolution-3d"
        return "depthwise" if alone else "convolution"
    return _NAMED.get(name, "other")


def passage_of(func: Any, data: Sequence[Tensor]) -> Kind | None:
    """Which kind of work an operation is that makes no layer; None: none that is counted.

    Args:
        func: the operation.
        data: those of its tensors that come of the example.
    """
    name = name_of(func)
    if name in _POOLING:
        return "pooling"
    return "other" if name in _JOINING and len(data) >= _FACTORS else None


_POOLING = frozenset(
    [
        "max_pool2d_with_indices",
        "max_pool3d_with_indices",
        "avg_pool2d",
        "avg_pool3d",
        "_adaptive_avg_pool2d",
        "_adaptive_avg_pool3d",
        "mean",
    ]
)
_JOINING = frozenset(["cat", "add", "add_", "mul"])
_TRANSPOSED, _GROUPS = 6, 8  # places among aten::convolution's arguments
_OF_VIDEO = 5  # dimensions of a weight: out, in, time, height, width
_FACTORS = 2
