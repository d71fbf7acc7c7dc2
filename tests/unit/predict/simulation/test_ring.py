"""What a simulated ring takes: counted by hand where that can be done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.predict import expected
from orchestrator.predict.simulation.ring import RingMember, RingUnit, ring_seconds
from tests.unit.predict.test_expected import case
from workloads.schedule.library import get_schedule


def member(*, forward: float = 0.0, backward: float = 0.0, delay: float = 0.0) -> RingMember:
    return RingMember((forward,), (backward,), 1.0, delay)


def test_a_single_unit_goes_round_twice_less_two_hops() -> None:
    """Two hops up to the owner, two from it; the next round begins when the first one has it."""
    (unit,) = units = [RingUnit(0, 1.0, 0, 0)]
    # After three hops worker1 has its parameters and sends its next gradient a hop later, behind
    # the parameters that it passes on.
    assert ring_seconds([member()] * 3, units) == pytest.approx(4)
    assert ring_seconds([member(delay=10.0)] * 3, units) == pytest.approx(3 * 11 + 1)
    # Of two, worker1 has them after two hops.
    assert ring_seconds([member()] * 2, units) == pytest.approx(2)
    assert ring_seconds([member(forward=3, backward=4)], [unit]) == 7


def test_many_units_fill_the_links() -> None:
    """Each link carries four of three units: a sixth of a unit more for the first and last hops."""
    units = [RingUnit(0, 0.01, number, number % 3) for number in range(300)]
    full = 4 / 3 * 3.0
    seconds = ring_seconds([member()] * 3, units)
    assert full * (1 - 1e-9) <= seconds <= full + 4 * 0.01
    slow = ring_seconds([member(), member(), replace(member(), seconds_per_byte=2.0)], units)
    assert 2 * full * (1 - 1e-9) <= slow <= 2 * full + 8 * 0.01


def test_compute_hides_behind_traffic_unless_there_is_a_barrier() -> None:
    layers = 10
    units = [RingUnit(n // 30, 0.01, n, n % 3) for n in range(30 * layers)]
    alike = RingMember((0.1,) * layers, (0.1,) * layers, 1.0)
    full = 4 / 3 * 3.0
    assert full * (1 - 1e-9) <= ring_seconds([alike] * 3, units) <= 1.05 * full
    waited = ring_seconds([alike] * 3, units, barrier=True)
    # Forward, and the last layer's backward, before anything is sent.
    assert waited == pytest.approx(full + layers * 0.1 + 0.1, abs=0.05)
    slow = replace(alike, backward=(1.0,) * layers)
    # Its compute, and then the first layer's gradient, which all wait for.
    assert ring_seconds([alike, slow, alike], units) == pytest.approx(11 + full / 10, abs=0.05)


@pytest.mark.parametrize(
    ("model", "imgs_per_sec"),
    # Measured at full rates on Linux bridges, batch 1, when this simulation did not exist.
    [("alexnet", 1.042), ("googlenet", 9.167)],
)
def test_measured_figures(model: str, imgs_per_sec: float) -> None:
    made = case(model)
    seconds = expected(get_schedule("ring"), made).seconds
    assert seconds is not None
    assert 3 / seconds == pytest.approx(imgs_per_sec, rel=0.035)
    # Four thirds of u over each worker's link.
    assert made.bound.in_u(seconds) > 4 / 3


def test_buckets_go_when_their_last_gradient_is_there() -> None:
    both = [RingMember((1.0, 2.0), (1.0, 2.0), 2.0)] * 2
    (unit,) = own = [RingUnit(1, 1.0, 0, 0)]
    # Two hops of 2 s, of which a backward and a forward pass of the first layer hide 2 s.
    assert ring_seconds(both, own) == pytest.approx(6 + 2)
    # In one bucket with the first layer's gradients, it leaves with them.
    assert ring_seconds(both, [unit._replace(leaves=0)]) == pytest.approx(6 + 3)


def test_buckets_one_after_another_are_not_simulated() -> None:
    bucketed, made = get_schedule("ring-bucketed"), case()
    ring, fused = (expected(one, made).seconds for one in (get_schedule("ring"), bucketed))
    assert ring is not None
    assert fused is not None
    assert 1.1 * ring < fused < 1.25 * ring
    prediction = expected(replace(bucketed, window_bytes=1), made)
    assert prediction.why_not == "buckets that go one after another are not simulated"


def test_gradient_order_costs_the_forward_pass() -> None:
    made = case("resnet50")
    ring = get_schedule("ring")
    first_in = replace(ring, order="generation", place="nowhere")
    planned, as_they_come = (expected(one, made).seconds for one in (ring, first_in))
    assert planned is not None
    assert as_they_come is not None
    assert as_they_come > 1.08 * planned
