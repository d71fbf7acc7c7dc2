"""Averaging once in a while: whole trainings against the equations, by hand in numpy."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.unit.workloads.exchanges import train_together
from tests.unit.workloads.in_process import model_of, train
from workloads.exchange import Ended
from workloads.exchange.averaging import Averaging
from workloads.exchange.ring import RingExchange
from workloads.models.learning import Learning, Optimizer
from workloads.models.profiles import Model
from workloads.programs.server import ParameterServer
from workloads.schedule.kinds import SynchronisationName
from workloads.schedule.library import get_schedule
from workloads.schedule.schedule import Schedule
from workloads.schedule.units import Layout
from workloads.schedule.ways import ways

RATE = np.float32(0.01)
SEED = 7
MODEL = model_of([[700, 3], [70_000], [], [500]])
Values = NDArray[np.float32]

UNDER = {
    "step-barrier": get_schedule("none"),
    "per-tensor": get_schedule("fifo"),
    "per-slice": replace(get_schedule("p3"), slice_bytes=40_000),
}
synchronisations = pytest.mark.parametrize("base", UNDER.values(), ids=UNDER)


def sizes(model: Model) -> list[int]:
    return [tensor.elements for tensor in model.tensors]


def initial(model: Model) -> Values:
    """The parameters that all begin with."""
    drawn = [
        np.random.default_rng([SEED, 1, number]).standard_normal(count, np.float32)
        for number, count in enumerate(sizes(model))
    ]
    return np.concatenate(drawn) * np.float32(0.01)


def target(model: Model, worker: int) -> Values:
    """What a worker's parameters are drawn to: the gradient is the distance to it."""
    tile = np.random.default_rng([SEED, 2, worker]).standard_normal(65536, np.float32)
    return np.concatenate([np.resize(tile, count) for count in sizes(model)])


def digest(values: Values) -> str:
    return hashlib.sha256(values.tobytes()).hexdigest()


def elastic(base: Schedule, every: int, alpha: float = 0.3, beta: float = 0.9) -> Schedule:
    return replace(base, averaging="elastic", every=every, alpha=alpha, beta=beta)


def local(base: Schedule, every: int, **outer: Any) -> Schedule:
    return replace(base, averaging="local", every=every, **outer)


def events(folder: Path, process: str, kind: str) -> list[dict[str, Any]]:
    lines = (folder / f"{process}.jsonl").read_text().splitlines()
    return [one for one in map(json.loads, lines) if one["event"] == kind]


def elastic_by_hand(every: int, iterations: int) -> Values:
    """The centre: both move from the same old values, then each worker along its gradient."""
    alpha, beta, third = np.float32(0.3), np.float32(0.9), np.float32(1 / 3)
    targets = [target(MODEL, worker) for worker in range(3)]
    x = initial(MODEL)
    own = [x.copy() for _ in targets]
    for step in range(1, iterations + 1):
        gradients = [own[i] - targets[i] for i in range(3)]
        before, centre = [one.copy() for one in own], x.copy()
        if step % every == 0 or step == iterations:
            own = [before[i] - alpha * (before[i] - centre) for i in range(3)]
            mean = (before[0] + before[1] + before[2]) * third
            x = centre + beta * (mean - centre)
        own = [own[i] - RATE * gradients[i] for i in range(3)]
    return x


@synchronisations
@pytest.mark.parametrize(("every", "iterations"), [(1, 50), (4, 10)])
def test_elastic_averaging_is_its_equations_bit_for_bit(
    tmp_path: Path, base: Schedule, every: int, iterations: int
) -> None:
    x = elastic_by_hand(every, iterations)
    end = train(tmp_path, MODEL, elastic(base, every), iterations=iterations)[-1]
    assert end["parameters_sha256"] == digest(x)
    assert end["exact"]


def test_several_servers_average_as_one(tmp_path: Path) -> None:
    base = replace(get_schedule("two-servers"), slice_bytes=40_000)
    end = train(tmp_path, MODEL, elastic(base, 4), iterations=10)[-1]
    assert end["parameters_sha256"] == digest(elastic_by_hand(4, 10))


@synchronisations
def test_diloco_is_a_loop_of_ten_lines(tmp_path: Path, base: Schedule) -> None:
    x = initial(MODEL).astype(np.float64)
    velocity = np.zeros_like(x)
    for _ in range(4):
        own = [x.copy() for _ in range(3)]
        for i in range(3):
            for _ in range(5):
                own[i] -= 0.01 * (own[i] - target(MODEL, i))
        delta = np.mean([x - one for one in own], axis=0)
        velocity = 0.9 * velocity + delta
        x = x - 0.7 * (delta + 0.9 * velocity)
    schedule = local(base, 5, outer_learning_rate=0.7, outer_momentum=0.9)
    training = trained(tmp_path, schedule, iterations=20)
    assert np.abs(training - x).max() < 1e-6


@synchronisations
def test_local_steps_are_the_experiments_optimizer_and_a_short_round_counts(
    tmp_path: Path, base: Schedule
) -> None:
    x = initial(MODEL).astype(np.float64)
    velocities = [np.zeros_like(x) for _ in range(3)]
    for steps in (3, 3, 1):
        own = [x.copy() for _ in range(3)]
        for i in range(3):
            for _ in range(steps):
                velocities[i] = 0.8 * velocities[i] + (own[i] - target(MODEL, i))
                own[i] -= 0.01 * velocities[i]
        x = np.mean(own, axis=0)
    learning = Learning(optimizer=Optimizer("momentum", momentum=0.8))
    training = trained(tmp_path, local(base, 3), iterations=7, learning=learning)
    assert np.abs(training - x).max() < 1e-6


def trained(folder: Path, schedule: Schedule, **given: Any) -> Values:
    """The parameters that a server ends with, which it tells the digest of."""
    kept: list[Values] = []

    class Keeping(ParameterServer):
        def run(self) -> None:
            super().run()
            kept.append(self._parameters.values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.unit.workloads.in_process.ParameterServer", Keeping)
        train(folder, MODEL, schedule, **given)
    return kept[0]


def test_nobody_waits_for_what_leaves_before_the_next_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a round gave may take as long to leave as the next round has iterations."""
    asked: list[tuple[int, int]] = []
    sent = Averaging.sent

    def noted(self: Averaging, iteration: int) -> int | None:
        asked.append((iteration, self._iteration))
        return sent(self, iteration)

    monkeypatch.setattr(Averaging, "sent", noted)
    train(tmp_path, MODEL, elastic(get_schedule("fifo"), 4), workers=1, iterations=13)
    needed = {**dict.fromkeys(range(4), 7), **dict.fromkeys(range(4, 8), 11)}
    assert asked == [(one, needed.get(one, 12)) for one in range(13)]


def test_across_groups_the_centre_is_that_of_all(tmp_path: Path) -> None:
    schedule = elastic(replace(get_schedule("hybrid"), slice_bytes=40_000), 2)
    groups = (("worker0", "worker1"), ("worker2",))
    training = trained(tmp_path, schedule, iterations=7, groups=groups)
    assert np.abs(training - elastic_by_hand(2, 7)).max() < 1e-6


def test_on_two_ways_each_part_is_that_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring: list[Values] = []
    close = RingExchange.close

    def keep(self: RingExchange) -> Ended:
        ended = close(self)
        ring.append(self.end.arena.values)
        return ended

    monkeypatch.setattr(RingExchange, "close", keep)
    schedule = elastic(replace(get_schedule("split"), slice_bytes=40_000), 2)
    shares = {"server": 0.4, "ring": 0.6}
    served = trained(tmp_path, schedule, iterations=7, shares=shares)
    expected = elastic_by_hand(2, 7)
    at_server = np.zeros(expected.shape, bool)
    for unit in ways(Layout(MODEL, 1, 1, 40_000), shares)["server"]:
        at_server[unit.chunks[0].start // 4 :][: unit.length // 4] = True
    assert 0 < at_server.sum() == len(served) < at_server.size
    assert np.abs(served - expected[at_server]).max() < 1e-6
    for one in ring:
        assert np.abs((one - expected)[~at_server]).max() < 1e-6


@pytest.mark.parametrize("averaging", [local, elastic])
@synchronisations
def test_bytes_and_records_of_rounds(tmp_path: Path, base: Schedule, averaging: Any) -> None:
    records = train(tmp_path, MODEL, averaging(base, 4), iterations=10)
    end = records[-1]
    model = 4 * sum(sizes(MODEL))
    rounds = [one for one in records if one["event"] == "iteration"]
    assert [one["iteration"] for one in rounds] == [0, 1, 2]
    assert (end["payload_in"], end["payload_out"]) == (3 * 3 * model, 3 * 3 * model)
    for worker in ("worker0", "worker2"):
        iterations = events(tmp_path, worker, "iteration")
        assert [one["iteration"] for one in iterations] == list(range(10))
        for one, after in pairwise(iterations):
            assert one["started_ns"] < one["ended_ns"] <= after["started_ns"]
        exchanging = {3, 7, 9}
        for one in iterations:
            pushed = one["push_sent_ns"] != one["backward_done_ns"]
            assert pushed == (one["iteration"] in exchanging)
        spans = events(tmp_path, worker, "spans")
        assert [one["iteration"] for one in spans] == list(range(10))
        assert {one["iteration"] for one in spans if one["sent"]} == exchanging
        assert {one["iteration"] for one in spans if one["received"]} == {0, 4, 8}
        assert all(one["forward"] and one["backward"] for one in spans)
    barrier = base.synchronisation == "step-barrier"
    iterations = events(tmp_path, "worker0", "iteration")
    waited = {one["iteration"] for one in iterations if one["ended_ns"] > one["backward_done_ns"]}
    assert waited == ({3, 7, 9} if barrier else set())


@pytest.mark.parametrize("synchronisation", ["step-barrier", "per-slice"])
def test_over_a_ring_all_have_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synchronisation: SynchronisationName
) -> None:
    shared: list[Values] = []
    close = RingExchange.close

    def keep(self: RingExchange) -> Ended:
        ended = close(self)
        shared.append(self.end.arena.values)
        return ended

    monkeypatch.setattr(RingExchange, "close", keep)
    ring = replace(get_schedule("ring"), slice_bytes=40_000, synchronisation=synchronisation)
    if synchronisation == "step-barrier":
        ring = replace(ring, order="random", place="nowhere")
    for schedule in (elastic(ring, 2), local(ring, 7, outer_learning_rate=1.0)):
        train_together(tmp_path, MODEL, schedule, workers=3, iterations=7, rate=0.01)
    for one in shared[:3]:
        assert np.abs(one - elastic_by_hand(2, 7)).max() < 1e-6
    mean = initial(MODEL)
    aims = np.mean([target(MODEL, worker) for worker in range(3)], axis=0)
    for one in shared[3:]:  # seven steps to three aims, as one to their mean: all are linear
        assert np.abs(one - (aims + 0.99**7 * (mean - aims))).max() < 1e-6
