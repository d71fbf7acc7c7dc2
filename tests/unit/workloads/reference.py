"""The parameters that a training must end with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from workloads.models.profiles import Tensor
from workloads.schedule.units import scaled_elements


def trained(tensors: Sequence[Tensor], time: float, **asked: Any) -> str:
    """The digest of the final parameters of a training at D = `time`, R = 1."""
    return hashlib.sha256(parameters(tensors, 1, time, **asked)).hexdigest()


def parameters(
    tensors: Sequence[Tensor],
    rates: float,
    time: float,
    *,
    seed: int,
    workers: int,
    rate: float,
    iterations: int,
) -> bytes:
    """The same training in plain numpy; returns the final parameters, float32, one by one."""
    found = []
    targets = [
        np.random.default_rng([seed, 2, worker]).standard_normal(65536, np.float32)
        for worker in range(workers)
    ]
    for number, tensor in enumerate(tensors):
        elements = scaled_elements(tensor.elements, rates, time)
        drawn = np.random.default_rng([seed, 1, number]).standard_normal(elements, np.float32)
        p = drawn * np.float32(0.01)
        for _ in range(iterations):
            total = p - np.resize(targets[0], elements)
            for target in targets[1:]:
                total = total + (p - np.resize(target, elements))
            p = p - np.float32(rate / workers) * total
        found.append(p.tobytes())
    return b"".join(found)
