"""Delays and windows in bounds and predictions: by hand, and against each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.bounds import (
    Case,
    acks_share,
    capped,
    expected,
    link_loads,
    long_ways_seconds,
    predictions,
)
from orchestrator.bounds.iteration import no_overlap_seconds
from orchestrator.bounds.pipeline import Work, pipelined_seconds
from orchestrator.spec import Direction, Scale, SocketBuffers, Topology
from tests.unit.bounds.clusters import trunk
from workloads.devices import DeviceModel
from workloads.models import load_model
from workloads.schedules import get_schedule

DEVICES = {"d": DeviceModel("d", 0.0, 0.0, 0.0)}
MODEL = load_model("resnet50")
TRIP = 0.05
OF_48_KIB = SocketBuffers(48 * 1024, 256 * 1024)


def far(workers: int = 3, delay_us: int = 25_000) -> Topology:
    """The published topology with a trunk of that delay."""
    near = trunk(workers)
    ends = {"switch0", "switch1"}

    def late(way: Direction) -> Direction:
        return replace(way, delay_us=delay_us)

    links = tuple(
        replace(link, forward=late(link.forward), reverse=late(link.reverse))
        if set(link.endpoints) == ends
        else link
        for link in near.links
    )
    return replace(near, links=links)


def case(topology: Topology, **changes: Any) -> Case:
    return replace(Case(topology, MODEL, DEVICES, 1), **changes)


def seconds(name: str, made: Case) -> float:
    found = expected(get_schedule(name), made)
    assert found.seconds is not None, found.why_not
    return found.seconds


@pytest.mark.parametrize("name", ["none", "switch-priority"])
def test_a_step_barrier_costs_two_round_trips(name: str) -> None:
    added = seconds(name, case(far())) - seconds(name, case(trunk(3)))
    # Released, asked for; then the last tensor of each direction is on its way.
    if name == "none":
        assert added == pytest.approx(2 * TRIP, rel=1e-3)
    assert 1.5 * TRIP < added <= 2 * TRIP * 1.001


def test_without_a_barrier_a_layer_is_on_its_way_for_a_round_trip() -> None:
    # Pull 10 s, forward 1 s, backward 2 s, push 20 s; 3 s more to a worker, and 4 s back.
    work = Work((1,), (2,), ((10,),), 1, 2)
    late = replace(work, pull_delay=3.0, push_delay=4.0)
    assert pipelined_seconds(late, "fifo") == pytest.approx(33 + 7)
    assert seconds("p3", case(far())) > seconds("p3", case(trunk(3)))


def test_a_lower_bound_counts_one_round_trip_of_a_barrier() -> None:
    near, away = case(trunk(3)).bound, case(far()).bound
    assert away.seconds == near.seconds
    assert away.barrier_seconds == pytest.approx(near.barrier_seconds + TRIP)
    assert away.barrier_seconds < seconds("switch-priority", case(far()))


def test_windows_that_are_too_small_leave_no_more_than_they_hold() -> None:
    made = case(far(), buffers=OF_48_KIB)
    # 2 x 48 KiB in a round trip, which is more than is ever on its way.
    per_worker = 2 * 48 * 1024 * 8 / TRIP
    assert made.carried == {
        f"{a}->{b}": pytest.approx(per_worker)
        for n in range(3)
        for a, b in (("switch1", f"worker{n}"), (f"worker{n}", "switch1"))
    }
    assert made.bound.seconds == pytest.approx(MODEL.bytes * 8 / per_worker)
    for name in ("none", "switch-priority", "p3", "fifo"):
        why = expected(get_schedule(name), made).why_not
        assert why == (
            "a send buffer of 48 KiB over a round trip of 50 ms leaves the pull of worker0 "
            "7.86 Mbit/s to 15.7 Mbit/s of 956 Mbit/s"
        )


def test_emulated_windows_are_those_that_count() -> None:
    scale = Scale(64, 1)
    made = case(far(), buffers=OF_48_KIB, scale=scale)
    # 16 KiB instead of 768 B, 21 times more: 334 Mbit/s of the real system.
    most = 64 * 2 * 16 * 1024 * 8 / TRIP
    assert list(made.carried.values()) == pytest.approx([most] * 6)


def test_windows_that_fit_the_path_limit_nothing() -> None:
    assert case(far()).carried == capped(trunk(3), OF_48_KIB, Scale()) == {}
    measured = {"switch0->switch1": 9e8}
    assert capped(far(), SocketBuffers(), Scale(), measured) == measured


def test_a_credit_that_a_long_way_uses_up_is_not_simulated() -> None:
    schedule = get_schedule("bytescheduler")
    assert schedule.window_bytes is not None
    assert expected(schedule, case(trunk(3))).seconds
    why = expected(schedule, case(far(delay_us=250_000))).why_not
    assert why.startswith("a credit of ")
    assert "round trip of 500 ms" in why


def test_forms_that_know_nothing_of_delays_say_so() -> None:
    whys = {form.why_not for form in predictions(far(), MODEL, DEVICES, 1)}
    assert whys == {"links have delays, of which these forms know nothing"}


@pytest.mark.parametrize("buffers", [SocketBuffers(), OF_48_KIB])
@pytest.mark.parametrize("scale", [Scale(), Scale(64, 1), Scale(1, 0.05)])
def test_plans_are_upper_estimates_where_ways_are_long(
    buffers: SocketBuffers, scale: Scale
) -> None:
    topology = far()
    planned = no_overlap_seconds(topology, MODEL, DEVICES, 1) + long_ways_seconds(
        topology, MODEL.bytes, buffers, scale, None
    )
    made = case(topology, buffers=buffers, scale=scale)
    assert planned > made.bound.barrier_seconds
    if not made.window_limits:
        assert planned > seconds("none", made)
    else:
        # Half of what the kernel keeps is payload at least.
        window = scale.send_buffer_bytes(48 * 1024) / float(scale.factor)
        assert planned > 2 * MODEL.bytes * TRIP / window
    assert long_ways_seconds(trunk(3), MODEL.bytes, buffers, scale, None) == 0


@pytest.mark.parametrize(
    ("rate", "back", "scale", "least", "most"),
    [
        (10**9, None, Scale(), 0.0005, 0.0015),
        (10**9, 10**8, Scale(), 0.009, 0.011),
        (10**8, 10**7, Scale(1, 0.5), 0.10, 0.12),
        (64_000, None, Scale(), 0.04, 0.05),
        (10**7, None, Scale(), 0.02, 0.025),
    ],
)
def test_acknowledgements_take_more_where_packets_are_small_or_the_way_back_is_slow(
    rate: int, back: int | None, scale: Scale, least: float, most: float
) -> None:
    topology = trunk(1, rate, back)
    slow = next(
        load
        for load in link_loads(topology, 1)
        if load.direction == "push" and load.port.rate_bps == (back or rate)
    )
    assert least < acks_share(topology, scale, slow) < most
