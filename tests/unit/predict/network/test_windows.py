"""Delays and windows in bounds and predictions: by hand, and against each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.predict import (
    Case,
    acks_share,
    capped,
    expected,
    in_flight,
    long_ways_seconds,
    predictions,
    server_loads,
)
from orchestrator.predict.bounds.iteration import no_overlap_seconds
from orchestrator.predict.simulation.pipeline import Work, pipelined_seconds
from orchestrator.spec import Direction, Scale, SocketBuffers, Topology
from tests.unit.placed import exchange_of
from tests.unit.predict.clusters import trunk
from workloads.models.devices import DeviceModel
from workloads.models.profiles import load_model
from workloads.schedule.library import get_schedule

DEVICES = {"d": DeviceModel("d", 0.0, 0.0, 0.0)}
MODEL = load_model("resnet50")
TRIP = 0.05
OF_48_KIB = SocketBuffers(48 * 1024, 256 * 1024)
AT_64 = Scale(64)
LARGE_ENOUGH = SocketBuffers(1 << 24, 1 << 26)
SHORT, LARGE = 250, SocketBuffers(400 * 1024, 1 << 20)
"""A trunk's delay and windows that fill it alone and at once: TCP starts with 113 KiB."""


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
    return replace(Case(exchange_of(topology), MODEL, DEVICES, 1), **changes)


def seconds(name: str, made: Case) -> float:
    prediction = expected(get_schedule(name), made)
    assert prediction.seconds is not None, prediction.why_not
    return prediction.seconds


@pytest.mark.parametrize("name", ["none", "switch-priority"])
def test_a_step_barrier_costs_two_round_trips(name: str) -> None:
    trip = 2 * SHORT / 1e6
    away = case(far(delay_us=SHORT), buffers=LARGE)
    added = seconds(name, away) - seconds(name, case(trunk(3)))
    # Released, asked for; then the last tensor of each direction is on its way.
    if name == "none":
        assert added == pytest.approx(2 * trip, rel=1e-3)
    assert 1.5 * trip < added <= 2 * trip * 1.001


def test_without_a_barrier_a_layer_is_on_its_way_for_a_round_trip() -> None:
    # Pull 10 s, forward 1 s, backward 2 s, push 20 s; 3 s more to a worker, and 4 s back.
    work = Work((1,), (2,), ((10,),), 1, 2)
    late = replace(work, pull_delay=3.0, push_delay=4.0)
    assert pipelined_seconds(late, "fifo") == pytest.approx(33 + 7)
    assert seconds("p3", case(far(), scale=AT_64)) > seconds("p3", case(trunk(3)))


def test_a_lower_bound_counts_one_round_trip_of_a_barrier() -> None:
    trip = 2 * SHORT / 1e6
    made = case(far(delay_us=SHORT), buffers=LARGE)
    near, away = case(trunk(3)).bound, made.bound
    assert away.seconds == near.seconds
    assert away.barrier_seconds == pytest.approx(near.barrier_seconds + trip)
    assert away.barrier_seconds < seconds("switch-priority", made)


def test_windows_that_are_too_small_leave_no_more_than_they_hold() -> None:
    made = case(far(), buffers=OF_48_KIB)
    # Of 2 x 48 KiB in a round trip all but 1280 bytes for each packet of 45 segments.
    bits = 8 * 2 * 48 * 1024
    per_worker = bits * (45 * 1448) / (45 * 1448 + 1280) / TRIP
    assert made.carried == {
        f"{a}->{b}": pytest.approx(per_worker)
        for n in range(3)
        for a, b in (("switch1", f"worker{n}"), (f"worker{n}", "switch1"))
    }
    assert made.bound.seconds == pytest.approx(MODEL.bytes * 8 / per_worker)
    # At least: packets of one segment, and the last third is on its way before more is sent.
    payload = bits * 1448 / 2728
    least = payload / (TRIP + payload / 3 / (1e9 * 1448 / 1514))
    slow = replace(made, least=True)
    assert list(slow.carried.values()) == pytest.approx([least] * 6)
    for name in ("none", "switch-priority", "p3", "fifo"):
        why, range_text = expected(get_schedule(name), made).why_not.split(": ")
        assert why == (
            "a send buffer of 48 KiB over a round trip of 50 ms leaves the pull of worker0 "
            "8.32 Mbit/s to 15.4 Mbit/s of 956 Mbit/s"
        )
        fewest, _, most, _ = range_text.split()
        assert float(fewest) < slow.bound.imgs_per_sec(slow.bound.seconds)
        assert 1.5 * float(fewest) < float(most) < made.bound.imgs_per_sec(made.bound.seconds)


def test_windows_of_which_little_is_unknown_have_a_prediction() -> None:
    # Three windows of 41.8 KB share a trunk that holds 93.4 KB.
    made = case(far(), scale=AT_64)
    payload = 64 * 8 * 2 * 39_361 * 1448 / 2728
    trunks = 1e9 * 1448 / 1514
    own = {round(bps) for bps in made.carried.values()}
    assert own == {round(payload / TRIP)}
    slow = replace(made, least=True).carried.values()
    assert list(slow) == pytest.approx([payload / (TRIP + payload / 3 / trunks)] * 6)
    assert 3 * payload / TRIP > trunks > 2 * payload / TRIP
    # So the trunk is full while all three send, which the first of strict priority cannot fill.
    taken = {name: seconds(name, made) for name in ("none", "switch-priority", "p3")}
    near = {name: seconds(name, case(trunk(3))) for name in taken}
    assert taken["none"] == pytest.approx(near["none"] + 2 * TRIP, rel=0.01)
    assert taken["switch-priority"] > 1.4 * near["switch-priority"]
    # Workers that take turns have the trunk alone: as long as a window takes, each.
    why = expected(get_schedule("staggered-workers"), made).why_not
    assert "a send buffer of 38.44 KiB over a round trip of 50 ms leaves the pull of worker0" in why


def test_one_queue_for_all_workers_may_wait_for_each_ones_window() -> None:
    made = case(far(), scale=AT_64)
    why, range_text = expected(get_schedule("planned-order"), made).why_not.split(": ")
    assert why.startswith("a send buffer of 38.44 KiB over a round trip of 50 ms")
    fewest, _, most, _ = range_text.split()
    # At best the trunk is full: 3 models. At worst one window after the other, at the least each.
    least = min(replace(made, least=True).carried.values())
    assert float(fewest) == pytest.approx(3 / (3 * MODEL.bytes * 8 / least), rel=0.05)
    assert float(most) == pytest.approx(3 / seconds("p3", made), rel=0.01)


def test_what_tcp_has_to_find_out_makes_a_range() -> None:
    made = case(far(), buffers=SocketBuffers(1 << 24, 1 << 26))
    why, range_text = expected(get_schedule("none"), made).why_not.split(": ")
    assert why.startswith("over a round trip of 50 ms TCP has to find out what the way of the pull")
    planned = no_overlap_seconds(made.exchange, MODEL, DEVICES, 1) + long_ways_seconds(
        made.exchange, MODEL.bytes, made.buffers, made.scale, None
    )
    fewest, _, most, _ = range_text.split()
    assert float(fewest) == pytest.approx(3 / planned, rel=0.01)
    # 2 x 3 models over the trunk, and two round trips.
    assert float(most) == pytest.approx(3 / (6 * made.bound.u_seconds + 2 * TRIP), rel=0.01)


def test_emulated_windows_are_those_that_count() -> None:
    scale = Scale(64, 1)
    made = case(far(), buffers=OF_48_KIB, scale=scale)
    # 16 KiB instead of 768 B, 21 times more: 178 Mbit/s of the real system, in single segments.
    most = 64 * 2 * 16 * 1024 * 8 / TRIP * 1448 / 2728
    assert list(made.carried.values()) == pytest.approx([most] * 6)


def test_windows_that_fit_the_path_limit_nothing() -> None:
    assert case(far(), buffers=LARGE_ENOUGH).carried == {}
    assert capped(exchange_of(trunk(3)).demands, OF_48_KIB, Scale()) == {}
    measured = {"switch0->switch1": 9e8}
    assert capped(exchange_of(far()).demands, LARGE_ENOUGH, Scale(), measured) == measured


def test_a_credit_that_a_long_way_uses_up_is_not_simulated() -> None:
    schedule = get_schedule("bytescheduler")
    assert schedule.window_bytes is not None
    assert expected(schedule, case(trunk(3))).seconds
    why = expected(schedule, case(far(delay_us=250_000))).why_not
    assert why.startswith("a credit of ")
    assert "round trip of 500 ms" in why


def test_a_unit_is_under_way_however_small_the_credit_is() -> None:
    one_byte = replace(get_schedule("fifo"), window_bytes=1)
    assert in_flight(one_byte, MODEL, 3) == MODEL.bytes / len(MODEL.tensors)
    # 2 x 2 hops of a ring of three.
    ring = replace(get_schedule("ring-bucketed"), window_bytes=1)
    assert in_flight(ring, MODEL, 3) == MODEL.bytes / len(MODEL.tensors) / 4
    assert in_flight(replace(one_byte, window_bytes=MODEL.bytes), MODEL, 3) == MODEL.bytes
    assert in_flight(replace(one_byte, window_bytes=None), MODEL, 3) is None


def test_forms_that_know_nothing_of_delays_say_so() -> None:
    whys = {form.why_not for form in predictions(exchange_of(far()), MODEL, DEVICES, 1)}
    assert whys == {"links have delays, of which these forms know nothing"}


@pytest.mark.parametrize("buffers", [SocketBuffers(), OF_48_KIB])
@pytest.mark.parametrize("scale", [Scale(), Scale(64, 1), Scale(1, 0.05)])
def test_plans_are_upper_estimates_where_ways_are_long(
    buffers: SocketBuffers, scale: Scale
) -> None:
    topology = far()
    planned = no_overlap_seconds(exchange_of(topology), MODEL, DEVICES, 1) + long_ways_seconds(
        exchange_of(topology), MODEL.bytes, buffers, scale, None
    )
    made = case(topology, buffers=buffers, scale=scale)
    assert planned > made.bound.barrier_seconds
    prediction = expected(get_schedule("none"), made)
    if prediction.seconds is not None:
        assert planned > prediction.seconds
    assert planned > replace(made, least=True).bound.barrier_seconds
    assert long_ways_seconds(exchange_of(trunk(3)), MODEL.bytes, buffers, scale, None) == 0


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
        for load in server_loads(exchange_of(topology), 1)
        if load.direction == "push" and load.port.rate_bps == (back or rate)
    )
    assert least < acks_share(exchange_of(topology).demands, scale, slow.port) < most
