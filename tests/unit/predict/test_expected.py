"""What is expected of schedules: against figures that were measured, and where nothing applies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.orders import Order, Setting
from orchestrator.predict import Case, allreduce_times, expected, limits
from orchestrator.predict.several_ways import work_of_ways
from orchestrator.predict.simulation.pipeline import pipelined_seconds
from orchestrator.spec import exchange_of as placed_exchange
from orchestrator.spec import load_experiment
from orchestrator.spec.sweep import with_workers
from tests.unit.placed import exchange_of
from tests.unit.predict.clusters import with_rate
from workloads.library import RING
from workloads.models.devices import DeviceModel
from workloads.models.profiles import load_model
from workloads.schedule.library import get_schedule, schedule_names
from workloads.schedule.schedule import Schedule

PUBLISHED = load_experiment(Path(__file__).parents[3] / "experiments/published.yaml")
TRUNK = ("switch0", "switch1")


def case(model: str = "resnet50", batch: int = 1, *, workers: int = 3, trunk: int = 10**9) -> Case:
    topology = with_rate(
        with_workers(PUBLISHED.topology, PUBLISHED.placement, workers)[0], TRUNK, trunk
    )
    return Case(exchange_of(topology), load_model(model), PUBLISHED.devices, batch)


def in_u(name: str, made: Case) -> float:
    seconds = expected(get_schedule(name), made).seconds
    assert seconds is not None
    return made.bound.in_u(seconds)


@pytest.mark.parametrize(
    ("model", "schedule", "imgs_per_sec"),
    [
        # Measured at full rates on Linux bridges, batch 1, when this simulation did not exist.
        ("alexnet", "none", 0.238),
        ("googlenet", "none", 2.098),
        ("inception3", "none", 0.614),
        ("resnet50", "none", 0.575),
        ("alexnet", "switch-priority", 0.353),
        ("googlenet", "switch-priority", 3.017),
        ("inception3", "switch-priority", 0.889),
        ("resnet50", "switch-priority", 0.835),
        ("resnet50", "tic", 0.584),
        ("resnet50", "tac", 0.583),
        ("resnet50", "fifo", 1.006),
        ("resnet50", "fifo-sliced", 1.091),
        ("resnet50", "bytescheduler", 1.102),
        ("resnet50", "planned-order", 1.152),
        # 4u + C with C that several workers have at once.
        ("mobilenet", "none", 2.337),
    ],
)
def test_measured_figures(model: str, schedule: str, imgs_per_sec: float) -> None:
    made = case(model)
    seconds = expected(get_schedule(schedule), made).seconds
    assert seconds is not None
    assert made.bound.imgs_per_sec(seconds) == pytest.approx(imgs_per_sec, rel=0.02)


@pytest.mark.parametrize("batch", [1, 8, 17, 64])
def test_nothing_is_above_the_bound_at_any_batch(batch: int) -> None:
    made = case(batch=batch)
    for name in schedule_names():
        if not get_schedule(name).bulk_synchronous or not get_schedule(name).sends_model:
            continue
        seconds = expected(get_schedule(name), made).seconds
        times = allreduce_times(made) if get_schedule(name).exchange == RING else made.bound
        assert seconds is not None
        assert times is not None
        assert seconds >= times.seconds * (1 - 1e-6)


def test_with_much_compute_a_barrier_costs_the_pulls_and_pushes_that_nothing_hides() -> None:
    made = case(batch=200)
    compute = made.bound.compute_seconds
    overlapped, in_turns, ordered = (
        expected(get_schedule(name), made).seconds for name in ("p3", "none", "tac")
    )
    assert overlapped == pytest.approx(compute, rel=0.01)
    assert in_turns is not None
    assert ordered is not None
    # An order hides pulls behind the forward pass, a random one hides none to speak of.
    assert in_turns - ordered > 1.5 * made.bound.u_seconds


def test_the_number_of_workers() -> None:
    made = case(workers=16)
    assert in_u("none", made) == pytest.approx(32, rel=0.01)
    assert in_u("switch-priority", made) == pytest.approx(17, rel=0.02)
    assert in_u("planned-order", made) == pytest.approx(16, rel=0.01)


def test_two_servers_halve_u_where_their_links_are_full() -> None:
    shared = load_experiment(Path(__file__).parents[3] / "experiments/two-servers.yaml")
    for model in ("alexnet", "resnet50"):
        made = Case.of(shared, model)
        one, two = in_u("planned-order", made), in_u("two-servers", made)
        assert 6 < one < 6.1
        assert 3 < two < 3.1
    # Where one trunk carries the bytes of both, nothing is gained.
    trunk = with_rate(shared.topology, ("core", "ps0"), 10**9)
    behind = tuple(
        replace(link, endpoints=("trunk", "ps1") if "ps1" in link.endpoints else link.endpoints)
        for link in trunk.links
    )
    first, *others = behind
    joined = replace(
        trunk,
        switches=("core", "trunk"),
        links=(
            replace(first, endpoints=("core", "trunk")),
            replace(first, endpoints=("trunk", "ps0")),
            *others,
        ),
    )
    made = replace(made, exchange=placed_exchange(joined, shared.placement))
    assert in_u("two-servers", made) == pytest.approx(in_u("planned-order", made), rel=0.01)


def test_of_too_few_servers_nothing_is_expected() -> None:
    made = expected(get_schedule("two-servers"), case())
    assert made.seconds is None
    assert "shares the model between 2 servers" in str(made.why_not)


def test_where_every_workers_own_link_is_full_the_workers_are_in_step_too() -> None:
    wide = case(trunk=10**10)
    alone = case(workers=1)
    for name in ("fifo", "p3", "none", "switch-priority"):
        assert in_u(name, wide) == pytest.approx(in_u(name, alone), rel=0.01)


def test_workers_that_do_not_wait_for_each_other() -> None:
    """Alike, they fill the trunk a little better than in step, and reach the bound in slices."""
    asynchronous = Schedule("mine", "", order="generation", synchronisation="asynchronous")
    apart, in_step = (expected(one, case()).seconds for one in (asynchronous, get_schedule("fifo")))
    assert apart is not None
    assert in_step is not None
    assert case().bound.seconds < apart < in_step
    sliced = replace(asynchronous, order="layer", place="host", slice_bytes=160_000)
    assert expected(sliced, case()).seconds == pytest.approx(case().bound.seconds, rel=0.01)


@pytest.mark.parametrize(
    ("schedule", "why_not"),
    [
        (
            Schedule("mine", "", "generation", synchronisation="stale-synchronous", staleness=0),
            "workers that may not be ahead at all wait for whole iterations: not simulated",
        ),
        (
            replace(get_schedule("p3"), place="both", switch_order="worker"),
            "an order by worker is not simulated",
        ),
    ],
)
def test_schedules_that_are_not_simulated_say_so(schedule: Schedule, why_not: str) -> None:
    prediction = expected(schedule, case())
    assert (prediction.seconds, prediction.why_not) == (None, why_not)


class Backwards(Order):
    """Tensors are pulled from the last to the first."""

    barrier = True

    def pulls(self, setting: Setting, worker: int, iteration: int) -> Sequence[int]:  # noqa: ARG002
        return range(len(setting.model.tensors))[::-1]


class Nonsense(Order):
    def pulls(self, setting: Setting, worker: int, iteration: int) -> Sequence[int]:  # noqa: ARG002
        return [0]


class Overtaking(Order):
    def answers(self, setting: Setting, worker: int) -> Sequence[float]:  # noqa: ARG002
        return [unit.number for unit in setting.units]


def test_orders_of_ones_own() -> None:
    made = case(batch=40)
    mine = Schedule("mine", "", order="mine", place="host")
    forwards, backwards = (expected(mine, made, order).seconds for order in (Order(), Backwards()))
    assert forwards is not None
    assert backwards is not None
    assert backwards > forwards + made.bound.u_seconds
    assert "one per tensor" in expected(mine, made, Nonsense()).why_not
    assert "overtake" in expected(mine, made, Overtaking()).why_not
    assert expected(mine, made).why_not == "the order mine is not the library's"
    sliced = Schedule(
        "mine", "", order="mine", place="host", slice_bytes=160_000, synchronisation="per-slice"
    )
    assert expected(sliced, made, Order()).why_not == "an order by mine is not simulated"


def test_workers_in_turn_are_staggered_without_the_switches() -> None:
    made = case()  # pulled in forward order, so that compute hides better than under the switches
    assert in_u("staggered-workers", made) == pytest.approx(4, rel=0.01)
    # Where the workers' own links are the bottleneck, nobody waits for another.
    assert in_u("staggered-workers", case(trunk=10**10)) == pytest.approx(2, rel=0.02)


def test_workers_that_are_not_in_step() -> None:
    made = case()
    slow = with_rate(made.exchange.topology, ("switch1", "worker1"), 10**8)
    prediction = expected(get_schedule("fifo"), replace(made, exchange=exchange_of(slow)))
    assert prediction.seconds is None
    assert prediction.why_not == (
        "switch1->worker1 is full with 1 of 3 workers, so they are not in step"
    )
    # With a barrier all workers are simulated, each for itself.
    assert (
        expected(get_schedule("none"), replace(made, exchange=exchange_of(slow))).seconds
        is not None
    )

    hosts = tuple(
        replace(host, device="other") if host.name == "worker2" else host
        for host in made.exchange.topology.hosts
    )
    (device,) = made.devices.values()
    other = replace(device, name="other", seconds_per_gmac=9.0)
    mixed = Case(
        exchange_of(replace(made.exchange.topology, hosts=hosts)),
        made.model,
        {**made.devices, "other": other},
        1,
    )
    assert "devices differ" in expected(get_schedule("fifo"), mixed).why_not
    assert expected(get_schedule("none"), mixed).seconds is not None


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (case(), "link switch0 - switch1"),
        (case(batch=200), "compute"),
        (case(trunk=10**10), "links of workers"),
        (case(workers=1), "2 links"),
        (case(trunk=3 * 10**9), "4 links"),
    ],
)
def test_what_limits(made: Case, words: str) -> None:
    assert limits(made.bound) == words


@pytest.mark.parametrize(
    ("model", "schedule", "u"),
    [
        # Measured at full rates on Linux bridges, batch 1, when this simulation did not exist.
        ("alexnet", "split", 1.23),
        ("resnet50", "split", 1.24),
        ("alexnet", "hybrid", 1.70),
        ("resnet50", "hybrid", 1.72),
    ],
)
def test_ways_round_and_through_a_server_at_once(model: str, schedule: str, u: float) -> None:
    assert in_u(schedule, case(model)) == pytest.approx(u, rel=0.02)


@pytest.mark.parametrize("model", ["alexnet", "googlenet", "resnet50"])
@pytest.mark.parametrize("workers", [3, 6])
def test_a_ring_s_own_simulation_is_near_what_is_said_of_ways(model: str, workers: int) -> None:
    """A split without a server is a ring; with shares for one, all goes round it in slow trunks."""
    slow = case(model, workers=workers, trunk=10**6)  # nothing is worth the server's way
    ring = expected(replace(get_schedule("split"), exchange=RING), slow).seconds
    both = work_of_ways(get_schedule("split"), slow)
    assert not isinstance(both, str)
    least, most = (pipelined_seconds(one, "layer") for one in both)
    assert ring is not None
    assert least * (1 - 5e-3) <= ring <= most


def _instant(codec: str) -> dict[str, DeviceModel]:
    """Devices that take no time for passes, nor for that codec."""
    return {name: DeviceModel(name, 0.0, 0.0, 0.0, {codec: 0.0}) for name in PUBLISHED.devices}


@pytest.mark.parametrize("schedule", ["ring", "split", "hybrid"])
def test_half_the_bytes_take_half_the_time_of_the_links(schedule: str) -> None:
    made = replace(case("alexnet"), devices=_instant("float16"))
    plain = get_schedule(schedule)
    coded = replace(plain, push_codec="float16", pull_codec="float16")
    whole, half = (expected(one, made).seconds for one in (plain, coded))
    assert whole is not None
    assert half == pytest.approx(whole / 2, rel=0.01)


def test_round_a_ring_sums_and_parameters_share_the_links() -> None:
    """A hundredth of each sum, as places and values, and all of the parameters: half and a bit."""
    made = case("alexnet")
    free = {
        name: replace(device, seconds_per_megabyte_coded={"top-k": 0.0})
        for name, device in made.devices.items()
    }
    pushed = replace(get_schedule("ring"), push_codec="top-k:1%")
    whole = expected(get_schedule("ring"), made).seconds
    less = expected(pushed, replace(made, devices=free)).seconds
    assert whole is not None
    assert less is not None
    # Less of the exchange lasts as long as the passes of the last layers do.
    assert 0.51 * whole < less < 0.51 * whole + made.bound.forward_seconds


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"synchronisation": "step-barrier", "order": "random", "place": "nowhere"},
            "groups behind a step barrier are not simulated",
        ),
        (
            {"synchronisation": "asynchronous", "order": "generation", "place": "nowhere"},
            "groups that have paces of their own are not simulated",
        ),
    ],
)
def test_groups_of_which_nothing_is_predicted(changes: dict[str, Any], why: str) -> None:
    assert expected(replace(get_schedule("hybrid"), **changes), case()).why_not == why
