"""The time of coding is the device's: it is waited for, and what is taken longer is recorded."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.unit.workloads.in_process import model_of
from workloads.models.coding import NO_CODING, CodingSeconds, coding_seconds, measured
from workloads.models.devices import DeviceModel
from workloads.models.profiles import Layer
from workloads.process.process_records import CodingTime
from workloads.schedule.averaging import Rounds
from workloads.schedule.units import Layout
from workloads.training.compute import Gate, Pass
from workloads.training.emulated import Emulated, Objective
from workloads.transport.memory import Arena

MODEL = model_of([[(100, 250), 100], [(10, 100)]])  # 100,400 and 4,000 bytes
SECOND = 10**9


class FakeClock:
    """Nothing passes but what is waited for, and what `take` says."""

    def __init__(self) -> None:
        self.time = 0

    def now(self) -> int:
        return self.time

    def sleep_until(self, moment: int) -> None:
        self.time = max(self.time, moment)

    def take(self, ns: int) -> None:
        self.time += ns


class Slow(Gate):
    """Coding takes this machine so long a tensor; all parameters are there."""

    def __init__(self, clock: FakeClock, coding_ns: int) -> None:
        self._clock = clock
        self._coding_ns = coding_ns
        self.given: list[tuple[int, int]] = []

    def wait(self, layers: Sequence[int]) -> tuple[int, int]:
        return layers[0], self._clock.now()

    def judged(self) -> Arena:
        return Arena(Layout(MODEL, 1, 1))

    def computed(self, kind: Pass, layer: int, begin: int, ended: int) -> None:
        pass

    def prepare(self, tensor: int) -> None:
        self._clock.take(self._coding_ns)

    def give(self, tensor: int) -> None:
        self.given.append((tensor, self._clock.now()))


def backward(coding_ns: int) -> tuple[list[tuple[int, int]], CodingTime | None]:
    """When tensors are given, where a layer computes for a second, and is encoded for two."""
    compute, gate = _computing(coding_ns, CodingSeconds(encode=_two, decode=_one))
    compute.backward(gate)
    return gate.given, compute.coding


def _one(_layer: Layer) -> float:
    return 1.0


def _two(_layer: Layer) -> float:
    return 2.0


def _computing(
    coding_ns: int, coding: CodingSeconds, *, steps: bool = False, warm_up: int = -1
) -> tuple[Emulated, Slow]:
    """A device whose layers take a second, where each tensor's coding, or step, takes so long.

    A backward pass without a forward pass is of the iteration before the first one.
    """
    clock, layout = FakeClock(), Layout(MODEL, 1, 1)
    gate = Slow(clock, coding_ns)
    compute = Emulated(
        MODEL,
        Constant("constant", 0.0, 0.0, 0.0),
        batch=1,
        stretch=1,
        layout=layout,
        arena=Arena(layout),
        objective=Objective(1, 0),
        clock=clock,
        rounds=Rounds(4, 1),
        coding=coding,
        steps=steps,
        warm_up=warm_up,
    )
    return compute, gate


class Constant(DeviceModel):
    def forward_seconds(self, layer: Layer, batch: int) -> float:
        return 1.0

    def backward_seconds(self, layer: Layer, batch: int) -> float:
        return 1.0


def test_coding_is_waited_for_like_compute() -> None:
    given, coding = backward(coding_ns=SECOND // 2)
    assert given == [(2, 3 * SECOND), (0, 6 * SECOND), (1, 6 * SECOND)]
    assert coding == CodingTime(planned_ns=4 * SECOND, excess_ns=0, iterations=1)


def test_what_this_machine_takes_longer_is_recorded() -> None:
    # The last layer has one tensor, which is a second late; the first has two, and is two later.
    given, coding = backward(coding_ns=4 * SECOND)
    assert given == [(2, 4 * SECOND), (0, 12 * SECOND), (1, 12 * SECOND)]
    assert coding == CodingTime(planned_ns=4 * SECOND, excess_ns=6 * SECOND, iterations=1)


def test_steps_of_a_worker_s_own_are_judged_by_how_late_they_are() -> None:
    compute, gate = _computing(SECOND // 2, NO_CODING, steps=True)
    compute.backward(gate)
    assert (compute.coding, compute.steps) == (None, CodingTime(0, 0, 1))
    compute, gate = _computing(3 * SECOND, NO_CODING, steps=True)
    compute.backward(gate)  # one tensor, then two, in a second each
    assert compute.steps == CodingTime(0, 7 * SECOND, 1)
    assert _computing(0, NO_CODING)[0].steps is None


def test_what_a_warm_up_took_is_left_out() -> None:
    compute, gate = _computing(4 * SECOND, CodingSeconds(encode=_two, decode=_one), warm_up=1)
    compute.forward(gate)
    compute.backward(gate)
    assert compute.coding == CodingTime(0, 0, 0)
    compute.forward(gate)
    compute.backward(gate)
    assert compute.coding is not None
    assert (compute.coding.planned_ns, compute.coding.iterations) == (6 * SECOND, 1)


def test_a_device_s_own_seconds_go_before_the_measured_ones() -> None:
    layer = MODEL.layers[0]
    plain = DeviceModel("plain", 0.0, 0.0, 0.0)
    own = DeviceModel("own", 0.0, 0.0, 0.0, {"top-k": 3.0, "mine:Codec": 5.0})

    def seconds(device: DeviceModel, codec: str, *, leaves: bool = True) -> tuple[float, float]:
        coding = coding_seconds(device, push=codec, pull=codec, leaves_vectors=lambda _: leaves)
        return coding.encode(layer), coding.decode(layer)

    measured_k = measured()["top-k"]
    assert seconds(plain, "top-k:1%+feedback") == pytest.approx(
        (0.1 * measured_k["encode"], 0.1 * measured_k["decode"])
    )
    assert seconds(own, "top-k:1%") == pytest.approx((0.3, 0.3))
    assert seconds(own, "mine:Codec", leaves=False) == pytest.approx((0.502, 0.502))
    assert seconds(plain, "mine:Codec") == (0.0, 0.0)
    assert seconds(own, "identity") == (0.0, 0.0)
