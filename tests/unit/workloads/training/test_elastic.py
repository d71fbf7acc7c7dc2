"""Elastic averaging on a quadratic: where it converges, by simulation of its parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.unit.workloads.in_process import model_of
from workloads.models.learning import Optimizer
from workloads.schedule.averaging import stable_alpha
from workloads.schedule.units import Layout
from workloads.training.averaging import Attraction, Centre
from workloads.training.update import update_of
from workloads.transport.memory import Arena

LAYOUT = Layout(model_of([[4]]), 1, 1, None, 8)
WORKERS = 3


def distance(alpha: float, *, rate: float, beta: float, curvature: float, steps: int) -> float:
    """How far the farthest value is from the minimum, 0, after some steps from 1."""
    centre, *own = (Arena(LAYOUT) for _ in range(1 + WORKERS))
    for number, arena in enumerate(own):
        arena.values[:] = 1 + number / 10
    update, attraction = Centre(centre, WORKERS, beta), Attraction(alpha)
    moves = [update_of(one, LAYOUT, 1, rate, Optimizer()) for one in own]
    (chunk,) = LAYOUT.chunks
    for _ in range(steps):
        given = []
        for arena, step in zip(own, moves, strict=True):
            gradient = curvature * arena.values
            leaves = centre.values.copy()
            attraction.apply(arena.values_of(chunk), leaves)
            given.append(leaves)
            step.apply(chunk, (gradient,))
        update.apply(chunk, given)
    return max(float(np.abs(arena.values).max()) for arena in (centre, *own))


@pytest.mark.parametrize("beta", [0.3, 0.9, 1.5])
@pytest.mark.parametrize("rate", [0.1, 0.8])
@pytest.mark.parametrize("curvature", [0.5, 2.0])
def test_it_converges_just_below_the_limit_and_diverges_just_above(
    beta: float, rate: float, curvature: float
) -> None:
    limit = (2 - rate * curvature) * (2 - beta) / 2
    assert stable_alpha(rate, beta, curvature) == limit
    given: dict[str, Any] = {"rate": rate, "beta": beta, "curvature": curvature, "steps": 2000}
    assert distance(0.98 * limit, **given) < 1e-2
    assert distance(1.02 * limit, **given) > 1e3


def test_from_2_minus_beta_on_it_swings_apart_even_where_it_is_flat() -> None:
    given: dict[str, Any] = {"rate": 0.1, "beta": 0.9, "curvature": 0.0, "steps": 2000}
    assert distance(0.99 * (2 - 0.9), **given) < 2
    assert distance(1.01 * (2 - 0.9), **given) > 1e3
