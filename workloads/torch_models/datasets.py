"""Data to train on: scikit-learn's digits, and batches of any examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.errors import WorkloadError
from workloads.models.learning import DIGITS

_SPLIT_STREAM, _BATCHES_STREAM = 3, 4  # keep random numbers of a seed apart
_BRIGHTEST = 16.0  # of a digit's pixel


@dataclass(frozen=True)
class Examples:
    """Images and what they show.

    Attributes:
        images: float32 [n, channels, height, width]; or tokens, int64 [n, length].
        labels: int64 [n], or [n, length].
    """

    images: NDArray[Any]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, which: Any) -> Examples:
        return Examples(self.images[which], self.labels[which])


def digits(seed: int) -> tuple[Examples, Examples]:
    """scikit-learn's digits, a part to train on and one held out, split by the seed.

    Raises:
        WorkloadError: scikit-learn is missing, or has no digits.
    """
    everything = _all_digits()
    order = np.random.default_rng([seed, _SPLIT_STREAM]).permutation(len(everything))
    return everything[order[: DIGITS.training]], everything[order[DIGITS.training :]]


@cache
def _all_digits() -> Examples:
    """Its file is read without it: to import scikit-learn takes seconds of every worker's start."""
    found = find_spec("sklearn")
    if found is None or found.origin is None:
        raise WorkloadError("scikit-learn is missing, which has the digits")
    file = Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz"
    try:
        table = np.loadtxt(file, delimiter=",", dtype=np.float32)  # 64 pixels and what they show
    except OSError as error:
        raise WorkloadError(
            f"scikit-learn's digits cannot be read: {error}; make setup-torch brings the version "
            "that has them"
        ) from None
    images, labels = table[:, :-1] / np.float32(_BRIGHTEST), table[:, -1].astype(np.int64)
    return Examples(images.reshape(-1, *DIGITS.shape), labels)


def batches(examples: Examples, size: int, seed: int, worker: int) -> Iterator[Examples]:
    """Batches without end: each pass over the examples in an order of its own, whole batches only.

    Raises:
        WorkloadError: a batch is larger than the data.
    """
    if size > len(examples):
        raise WorkloadError(f"a batch of {size} is larger than the data ({len(examples)} images)")
    generator = np.random.default_rng([seed, _BATCHES_STREAM, worker])
    while True:
        order = generator.permutation(len(examples))
        for begin in range(0, len(order) - size + 1, size):
            yield examples[order[begin : begin + size]]
