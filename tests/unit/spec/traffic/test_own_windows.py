"""Socket buffers of an experiment's own against the queues on their ways."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.spec import Link, SocketBuffers, Topology, load_experiment, load_topology
from orchestrator.spec.sweep import with_workers
from orchestrator.spec.traffic.own_windows import overrun
from tests.unit.placed import exchange_of, placement_on

PUBLISHED = load_topology(Path(__file__).parents[4] / "topologies/ps-10g-1g-3workers.yaml")
KIB = 1024
LARGE = SocketBuffers(1024 * KIB, 4096 * KIB)


def far(delay_us: int) -> Topology:
    """The published topology with a trunk that takes time."""

    def longer(link: Link) -> Link:
        sides = (replace(side, delay_us=delay_us) for side in (link.forward, link.reverse))
        return Link(link.endpoints, *sides)

    trunk = PUBLISHED.links[1]
    assert trunk.endpoints == ("switch0", "switch1")
    return replace(PUBLISHED, links=(PUBLISHED.links[0], longer(trunk), *PUBLISHED.links[2:]))


def overrun_text(send: int, receive: int = 4096, topology: Topology = PUBLISHED) -> str:
    return overrun([exchange_of(topology).demands], SocketBuffers(send * KIB, receive * KIB))


def test_a_queue_that_overflows_is_named_with_what_fits() -> None:
    assert overrun_text(1024) == (
        "socket_buffers: with a send buffer of 1024 KiB the TCP windows of 3 workers overrun the "
        "queue of switch0->switch1, 512 KiB, which then drops packets (send: at most 85 KiB; or a "
        "queue of at least 6144 KiB)"
    )


def test_what_the_message_calls_enough_is_enough() -> None:
    assert (bool(overrun_text(85)), bool(overrun_text(86))) == (False, True)
    deep = replace(
        PUBLISHED,
        links=tuple(
            Link(link.endpoints, *(replace(side, queue_bytes=6144 * KIB) for side in sides))
            for link in PUBLISHED.links
            for sides in [(link.forward, link.reverse)]
        ),
    )
    assert overrun_text(1024, topology=deep) == ""
    assert overrun_text(1025, topology=deep)


def test_what_auto_takes_is_never_too_much() -> None:
    assert overrun([exchange_of(PUBLISHED).demands], SocketBuffers()) == ""
    assert overrun([exchange_of(PUBLISHED).demands], SocketBuffers(receive=1 << 29)) == ""
    assert overrun_text(48, 256) == ""


def test_the_receiver_bounds_a_window_too() -> None:
    # Three windows of 170 KiB are 510.
    assert overrun_text(1024, 170) == ""
    assert overrun_text(1024, 171)


def test_what_is_on_a_long_way_is_in_no_queue() -> None:
    # 50 ms there and back at 1 Gbit/s are 6250 kB, of which each of three workers has its part.
    assert overrun_text(2034 + 85, 1 << 16, far(25_000)) == ""
    assert "send: at most 2119 KiB" in overrun_text(2034 + 86, 1 << 16, far(25_000))


def test_a_port_that_less_can_reach_than_leave_has_no_queue() -> None:
    """The fast link has a tiny queue at the switch, where only the trunk's 1 Gbit/s come."""
    first = PUBLISHED.links[0]
    assert first.endpoints == ("ps", "switch0")
    shallow = replace(first, reverse=replace(first.reverse, queue_bytes=64 * KIB))
    assert (
        overrun_text(85, topology=replace(PUBLISHED, links=(shallow, *PUBLISHED.links[1:]))) == ""
    )
    # The other end is the server's own, which is faster than its link.
    shallow = replace(first, forward=replace(first.forward, queue_bytes=64 * KIB))
    text = overrun_text(85, topology=replace(PUBLISHED, links=(shallow, *PUBLISHED.links[1:])))
    assert "the queue of ps->switch0, 64 KiB" in text


def test_the_worst_of_a_sweeps_points_is_said() -> None:
    points = [
        exchange_of(with_workers(PUBLISHED, placement_on(PUBLISHED), count)[0]).demands
        for count in (1, 4, 2)
    ]
    assert "of 4 workers" in overrun(points, LARGE)
    assert overrun(points[:1], SocketBuffers(200 * KIB, 4096 * KIB)) == ""


@pytest.mark.parametrize("more", ["", "sweep: {batch: [1, 2]}\n", "sweep: {workers: [3, 1]}\n"])
def test_an_experiment_notes_it(tmp_path: Path, more: str) -> None:
    topology = Path(__file__).parents[4] / "topologies/ps-10g-1g-3workers.yaml"
    file = tmp_path / "large.yaml"
    file.write_text(
        f"name: large\ntopology: {topology}\nmodels: [alexnet]\nschedules: [none, fifo]\n"
        f"socket_buffers: {{send: 1 MiB, receive: 4 MiB}}\nwarm_up: 0\n{more}"
    )
    added, large = load_experiment(file).notes
    assert added.startswith("warm_up: 1 instead of 0")
    assert large == overrun([exchange_of(PUBLISHED).demands], LARGE)
