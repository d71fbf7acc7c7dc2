"""The parameters that a training must end with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from workloads.models.profiles import Tensor
from workloads.schedule.schedule import Schedule
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
    arrays = []
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
        arrays.append(p.tobytes())
    return b"".join(arrays)


def averaged(
    tensors: Sequence[Tensor],
    schedule: Schedule,
    *,
    seed: int,
    workers: int,
    rate: float,
    iterations: int,
) -> str:
    """The digest of what all share where workers train parameters of their own."""
    single = np.float32
    share = single(1 / workers)
    alpha, beta = single(schedule.alpha or 0), single(schedule.beta or 0)
    outer, momentum = schedule.outer_learning_rate or 1.0, schedule.outer_momentum
    hasher = hashlib.sha256()
    tiles = [
        np.random.default_rng([seed, 2, worker]).standard_normal(65536, single)
        for worker in range(workers)
    ]
    for number, tensor in enumerate(tensors):
        drawn = np.random.default_rng([seed, 1, number]).standard_normal(tensor.elements, single)
        x = drawn * single(0.01)
        own, velocity = [x] * workers, np.zeros_like(x)
        for step in range(1, iterations + 1):
            ends = step % (schedule.every or 1) == 0 or step == iterations
            given, elastic = own, schedule.averaging == "elastic"
            steps = [one - np.resize(tile, x.size) for one, tile in zip(own, tiles, strict=True)]
            if ends and elastic:
                own = [one - alpha * (one - x) for one in own]
            own = [one - single(rate) * gradient for one, gradient in zip(own, steps, strict=True)]
            if not ends:
                continue
            total, *others = given if elastic else [x - one for one in own]
            for one in others:
                total = total + one
            if elastic:
                x = x + beta * (total * share - x)
                continue
            if momentum is None:
                x = x - single(outer / workers) * total
            else:
                velocity = velocity * single(momentum) + total * share
                x = x - single(outer) * (total * share + velocity * single(momentum))
            own = [x] * workers
        hasher.update(x.tobytes())
    return hasher.hexdigest()
