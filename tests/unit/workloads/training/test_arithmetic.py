"""The arithmetic, bit by bit, and the emulated computation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.workloads.in_process import model_of
from workloads.models.profiles import load_model
from workloads.schedule.units import CHUNK_BYTES, Chunk, Layout
from workloads.training.contributions import OfAll, OfEach
from workloads.training.emulated import TILE_ELEMENTS, Objective, Pacer
from workloads.training.update import Sgd, initialise
from workloads.transport.memory import Arena

LAYOUT = Layout(load_model("squeezenet"), 1, 0.01)


@settings(max_examples=20)
@given(st.permutations(LAYOUT.chunks), st.integers(1, 4), st.integers(0, 2**32))
def test_chunks_in_any_order_give_numpys_bits(chunks: list[Chunk], workers: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    parameters = Arena(LAYOUT)
    initialise(parameters, LAYOUT, seed)
    before = parameters.values.copy()
    gradients = [Arena(LAYOUT) for _ in range(workers)]
    for gradient in gradients:
        gradient.values[:] = generator.standard_normal(len(before)).astype(np.float32) * 1e3
    contributions = OfAll(LAYOUT, gradients)
    update = Sgd(parameters, workers, 0.1)
    whole = 0
    for chunk in chunks:
        ready = [contributions.delivered(chunk) for _ in gradients]
        assert ready == [False] * (workers - 1) + [True]
        last = chunk.number % workers
        update.apply(chunk, contributions.of(chunk, last))
        whole += contributions.applied(chunk, last)
    assert whole == len(LAYOUT.units)
    total = gradients[0].values.copy()
    for gradient in gradients[1:]:
        total = total + gradient.values
    after = before - np.float32(0.1 / workers) * total
    assert parameters.values.tobytes() == after.tobytes()


def test_the_order_of_the_sum_matters_and_is_the_workers() -> None:
    gradients = [Arena(LAYOUT) for _ in range(3)]
    for gradient, value in zip(gradients, (1e8, -1e8, 1.0), strict=True):
        gradient.values.fill(value)
    parameters = Arena(LAYOUT)
    contributions, update = OfAll(LAYOUT, gradients), Sgd(parameters, 3, 3.0)
    for chunk in LAYOUT.chunks:
        update.apply(chunk, contributions.of(chunk, 0))
    assert set(parameters.values.tolist()) == {-1.0}  # (1e8 + 1) - 1e8 would be 0


def test_each_workers_chunk_by_itself() -> None:
    layout = Layout(model_of([[100], [CHUNK_BYTES]]), 1, 1)
    gradients = [Arena(layout) for _ in range(2)]
    for gradient, value in zip(gradients, (2.0, 8.0), strict=True):
        gradient.values.fill(value)
    parameters = Arena(layout)
    contributions, update = OfEach(layout, gradients), Sgd(parameters, 2, 1.0)
    large = layout.units[1]
    assert len(large.chunks) == 4
    for worker, so_far in ((1, -4.0), (0, -5.0)):
        for chunk in large.chunks:
            assert contributions.delivered(chunk)
            update.apply(chunk, contributions.of(chunk, worker))
            assert contributions.applied(chunk, worker) == (chunk is large.chunks[-1])
        assert set(parameters.tensor(large.tensor).tolist()) == {so_far}


def test_initial_parameters_are_each_tensors_own() -> None:
    parameters = Arena(LAYOUT)
    initialise(parameters, LAYOUT, 5)
    for number in (0, 20):
        values = parameters.tensor(number)
        drawn = np.random.default_rng([5, 1, number]).standard_normal(len(values), np.float32)
        assert values.tobytes() == (drawn * np.float32(0.01)).tobytes()


@pytest.mark.parametrize(
    "elements", [1, 100, TILE_ELEMENTS - 1, TILE_ELEMENTS, 3 * TILE_ELEMENTS + 17]
)
def test_the_gradient_is_the_distance_to_the_target(elements: int) -> None:
    values = np.linspace(-1, 1, elements, dtype=np.float32)
    tile = np.random.default_rng([3, 2, 1]).standard_normal(TILE_ELEMENTS, np.float32)
    expected = values - np.resize(tile, elements)
    Objective(seed=3, worker=1).to_gradient(values)
    assert values.tobytes() == expected.tobytes()


class LateClock:
    """A clock whose sleepers wake 5 ns late."""

    def __init__(self) -> None:
        self.time = 100

    def now(self) -> int:
        return self.time

    def sleep_until(self, moment: int) -> None:
        if moment > self.time:
            self.time = moment + 5


def test_waking_late_does_not_add_up() -> None:
    clock = LateClock()
    pacer = Pacer(clock)
    pacer.plan(100, 10)
    assert pacer.wait() == 115
    pacer.plan(105, 10)  # its parameters were there in time
    assert pacer.wait() == 125
    pacer.plan(200, 10)  # its parameters come late
    assert pacer.wait() == 215
    pacer.plan(0, 3)  # ends at 213: over before anybody woke
    assert pacer.wait() == 215
