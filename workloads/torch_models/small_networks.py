"""Networks for small devices: `mobivsr-like` reads lips, `ffl` learns from its own branches."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

_LIPS = (1, 29, 88, 88)  # grey, frames, height, width
_WORDS = 500
_CLASSES = 100


class Separable3d(nn.Module):
    """A depthwise convolution over time and space, and a pointwise one.

    Args:
        channels: in, and out.
        stride: in space.
    """

    def __init__(self, channels: tuple[int, int], stride: int = 1) -> None:
        super().__init__()
        before, after = channels
        strides = (1, stride, stride)
        self.depthwise = nn.Conv3d(before, before, 3, strides, 1, groups=before, bias=False)
        self.bn_1 = nn.BatchNorm3d(before)
        self.pointwise = nn.Conv3d(before, after, 1, bias=False)
        self.bn_2 = nn.BatchNorm3d(after)

    def forward(self, x: Tensor) -> Tensor:
        """[n, before, frames, height, width] to [n, after, frames, ...]."""
        x = relu(self.bn_1(self.depthwise(x)))
        return relu(self.bn_2(self.pointwise(x)))


class MobiVSR(nn.Module):
    """A network like MobiVSR (Shrivastava et al. 2019): 29 grey frames of a mouth, 500 words.

    Its layers are not published; these have its size, 24 MB, and its convolutions.
    """

    input_shape: ClassVar[tuple[int, ...]] = _LIPS
    input_dtype: ClassVar[torch.dtype] = torch.float32

    def __init__(self) -> None:
        super().__init__()
        self.front = nn.Conv3d(1, 64, (5, 7, 7), (1, 2, 2), (2, 3, 3), bias=False)
        self.bn = nn.BatchNorm3d(64)
        widths = [64, 128, 128, 256, 256, *[512] * 14, 1024, 1024]
        halved = {1, 3, 5, 19}
        self.blocks = nn.Sequential(
            *(
                Separable3d(pair, 2 if number in halved else 1)
                for number, pair in enumerate(pairwise(widths), start=1)
            )
        )
        self.words = nn.Linear(1024, _WORDS)

    def forward(self, frames: Tensor) -> Tensor:
        """Scores: [n, 1, 29, 88, 88] to [n, 500]."""
        x = self.blocks(relu(self.bn(self.front(frames))))
        return self.words(x.mean((2, 3, 4)))


class ResidualBlock(nn.Module):
    """Two convolutions around a shortcut, which is a projection where shapes change.

    Args:
        channels: in, and out.
    """

    def __init__(self, channels: tuple[int, int]) -> None:
        super().__init__()
        before, after = channels
        stride = 1 if before == after else 2
        self.conv_1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn_1 = nn.BatchNorm2d(after)
        self.conv_2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn_2 = nn.BatchNorm2d(after)
        self.project = nn.Conv2d(before, after, 1, stride, bias=False) if stride > 1 else None
        self.bn_3 = nn.BatchNorm2d(after) if stride > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        """[n, before, height, width] to [n, after, ...]."""
        y = self.bn_2(self.conv_2(relu(self.bn_1(self.conv_1(x)))))
        if self.project is not None and self.bn_3 is not None:
            x = self.bn_3(self.project(x))
        return relu(x + y)


class SubNetwork(nn.Module):
    """ResNet-18 for images of 32 x 32: features [n, 512, 4, 4], and logits of them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(64)
        widths = [64, 64, 64, 128, 128, 256, 256, 512, 512]
        self.blocks = nn.Sequential(*(ResidualBlock(pair) for pair in pairwise(widths)))
        self.head = nn.Linear(512, _CLASSES)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """[n, 3, 32, 32] to features and logits."""
        features = self.blocks(relu(self.bn(self.conv(images))))
        return features, self.head(features.mean((2, 3)))


class FFL(nn.Module):
    """Feature fusion learning (Kim et al. 2019): two sub-networks side by side, whose features a
    fused classifier takes; all three teach each other by their logits."""

    input_shape: ClassVar[tuple[int, ...]] = (3, 32, 32)
    input_dtype: ClassVar[torch.dtype] = torch.float32

    def __init__(self) -> None:
        super().__init__()
        self.first = SubNetwork()
        self.second = SubNetwork()
        self.depthwise = nn.Conv2d(1024, 1024, 3, 1, 1, groups=1024, bias=False)
        self.pointwise = nn.Conv2d(1024, 512, 1, bias=False)
        self.bn = nn.BatchNorm2d(512)
        self.fused = nn.Linear(512, _CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of both sub-networks and of the fused classifier: [n, 3, 100]."""
        one, one_logits = self.first(images)
        two, two_logits = self.second(images)
        fused = relu(self.bn(self.pointwise(self.depthwise(torch.cat((one, two), 1)))))
        return torch.stack((one_logits, two_logits, self.fused(fused.mean((2, 3)))), 1)
