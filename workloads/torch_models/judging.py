"""How good the parameters were: copies of them are kept while training, and judged after it.

Keeping is a copy of the memory, which is all that it costs while anything is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workloads.process.process_records import EvaluationRecord
from workloads.torch_models.datasets import Examples
from workloads.transport.memory import Arena

KEPT_BYTES = 256 << 20
"""Of all copies; one more, and every second one goes."""
_JUDGED_TOGETHER = 256  # images


@dataclass(frozen=True)
class _Kept:
    iteration: int
    at_ns: int
    values: NDArray[np.float32]
    buffers: list[Tensor]


class Judging:
    """Keeps parameters every so many iterations, and judges them by held-out examples at the end.

    Args:
        module: whose parameters are the arena's.
        arena: which is no longer needed when they are judged.
        held_out: what they are judged by.
        every: iterations between two copies; twice as many if memory is short.
        most_bytes: of all copies.
    """

    def __init__(
        self,
        module: nn.Module,
        arena: Arena,
        held_out: Examples,
        every: int,
        most_bytes: int = KEPT_BYTES,
    ) -> None:
        self._module = module
        self._arena = arena
        self._held_out = held_out
        self._every = every
        self._most = max(2, most_bytes // max(1, arena.values.nbytes))
        self._kept: list[_Kept] = []

    def keep(
        self, iteration: int, at_ns: int, parameters: Callable[[], Arena], *, last: bool
    ) -> None:
        """Keep the parameters of an iteration, if it is one of those, or the last.

        Args:
            iteration: its number.
            at_ns: when the last of them had come (monotonic ns).
            parameters: which they are.
            last: whether it is the last one.
        """
        if iteration % self._every and not last:
            return
        buffers = [one.detach().clone() for one in self._module.buffers()]
        self._kept.append(_Kept(iteration, at_ns, parameters().values.copy(), buffers))
        if len(self._kept) > self._most and not last:
            self._every *= 2
            self._kept = [one for one in self._kept if not one.iteration % self._every]

    def judged(self) -> list[EvaluationRecord]:
        """Loss and accuracy of all that was kept."""
        return [self._judge(kept) for kept in self._kept]

    def _judge(self, kept: _Kept) -> EvaluationRecord:
        self._arena.values[:] = kept.values
        for buffer, value in zip(self._module.buffers(), kept.buffers, strict=True):
            buffer.copy_(value)
        self._module.eval()
        count, losses, right = len(self._held_out), 0.0, 0
        with torch.no_grad():
            for begin in range(0, count, _JUDGED_TOGETHER):
                part = self._held_out[begin : begin + _JUDGED_TOGETHER]
                images, labels = tensors(part, self._module)
                logits = self._module(images)
                losses += loss_of(logits, labels).item() * len(part)
                right += int((logits.argmax(-1) == labels).sum())
        return EvaluationRecord(
            iteration=kept.iteration,
            at_ns=kept.at_ns,
            loss=losses / count,
            accuracy=right / count,
        )


def loss_of(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy, mean over all labels: of scores [n, classes] or [n, length, classes]."""
    return nn.functional.cross_entropy(logits.flatten(0, -2), labels.flatten())


def tensors(examples: Examples, module: nn.Module) -> tuple[Tensor, Tensor]:
    """Images and labels as the module takes them."""
    images, labels = torch.from_numpy(examples.images), torch.from_numpy(examples.labels)
    if images.is_floating_point():
        images = images.to(next(module.parameters()).dtype)
    return images, labels
