"""How much may be on its way: of the published topology, of slow, long and unequal ones."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from pathlib import Path

import pytest

from orchestrator.spec import (
    Direction,
    Host,
    Link,
    Scale,
    SocketBuffers,
    Topology,
    emulated_send_bytes,
    host_burst_segments,
    load_topology,
    packet_segments,
    payload_share,
    port_burst_segments,
    ports,
    window_bytes,
)
from orchestrator.spec.traffic.windows import least_queue_bytes
from tests.unit.placed import exchange_of

TOPOLOGIES = sorted((Path(__file__).parents[4] / "topologies").glob("*.yaml"))
PUBLISHED = next(path for path in TOPOLOGIES if path.name == "ps-10g-1g-3workers.yaml")
AUTO = SocketBuffers()


def star(*rates: int, delay_us: int = 0, queue: int = 512 * 1024, up: int = 1) -> Topology:
    """A worker behind each rate; what they send is `up` times slower, the server's link fast."""
    names = [f"w{number}" for number in range(len(rates))]

    def link(first: str, second: str, rate: int, back: int) -> Link:
        sides = (Direction(bps, delay_us, queue) for bps in (rate, back))
        return Link((first, second), *sides)

    return Topology(
        "star",
        "",
        (Host("ps"), *(Host(name, "d") for name in names)),
        ("s0",),
        (
            link("ps", "s0", 10**10, 10**10),
            *(link("s0", name, rate, rate // up) for name, rate in zip(names, rates, strict=True)),
        ),
    )


def sent(topology: Topology, direction: str = "pull") -> list[int]:
    exchange = exchange_of(topology)
    return [
        AUTO.send_bytes(exchange.demands, one)
        for one in exchange.demands
        if exchange.way(one) == direction
    ]


# Windows of links with a delay follow from it.
WITHOUT_DELAY = [path for path in TOPOLOGIES if path.stem != "workers-1ms"]


@pytest.mark.parametrize("path", WITHOUT_DELAY, ids=lambda path: path.stem)
def test_shipped_topologies_have_the_windows_that_their_figures_were_measured_with(
    path: Path,
) -> None:
    topology = load_topology(path)
    demands = exchange_of(topology).demands
    slow = path.stem == "office"  # 100 Mbps
    assert {AUTO.send_bytes(demands, one) for one in demands} == {(16 if slow else 48) * 1024}
    assert AUTO.receive_bytes(demands) == 256 * 1024


@pytest.mark.parametrize(("scale", "segments"), [((1, 1), 45), ((8, 0.5), 3), ((32, 0.5), 1)])
def test_at_one_gigabit_bursts_are_64_kilobytes_scaled(
    scale: tuple[float, float], segments: int
) -> None:
    topology = load_topology(PUBLISHED)
    assert set(host_burst_segments(exchange_of(topology).demands, Scale(*scale)).values()) == {
        segments
    }
    for port in ports(topology):
        assert port_burst_segments(port, Scale(*scale)) == segments


@pytest.mark.parametrize("rate", [9_600, 64_000, 10**6, 10**7, 10**8, 10**9, 10**10, 4 * 10**11])
def test_a_burst_holds_a_port_for_a_millisecond_or_a_frame(rate: int) -> None:
    for scale in (Scale(1, 1), Scale(1, 0.05), Scale(4, 1)):
        topology = star(rate, rate)
        bursts = host_burst_segments(exchange_of(topology).demands, scale)
        for way in exchange_of(topology).demands.paths.values():
            size = 1514 * bursts[way[0].node]
            for port in way:
                holds = size * 8 / scale.rate(port.rate_bps)
                assert size == 1514 or holds <= 0.0011 * scale.time


def test_a_host_sends_bursts_that_its_slowest_way_takes() -> None:
    topology = star(10**9, 10**7)
    bursts = host_burst_segments(exchange_of(topology).demands, Scale())
    assert bursts == {"ps": 1, "w0": 45, "w1": 1}
    asymmetric = host_burst_segments(exchange_of(star(10**9, up=20)).demands, Scale())
    assert asymmetric == {"ps": 45, "w0": 4}


def test_a_window_covers_the_path_and_waits_in_no_more_than_the_queue() -> None:
    far = star(10**9, 10**9, delay_us=25_000)
    assert exchange_of(far).round_trip_us("w0") == 100_000
    # 12.5 MB of frames on a separate way; packets of 45 segments, which count 1280 bytes more.
    payload = 12_500_000 * 1448 / 1514
    send = 48 * 1024 + ceil(payload / (2 * 45 * 1448 / (45 * 1448 + 1280)))
    assert sent(far) == [send] * 2
    # The kernel keeps twice that, and offers half of what it keeps of the other one.
    assert AUTO.receive_bytes(exchange_of(far).demands) == 4 * send
    # One window and no more than the share of one: the server's own queue takes both workers'.
    assert sent(star(10**9, 10**9, queue=64 * 1024)) == [16 * 1024] * 2
    assert sent(star(10**9, queue=1514)) == [6 * 1024]


def shared(trips_us: tuple[int, ...], queue: int = 512 * 1024) -> Topology:
    """Workers of those round trips, half in each direction, behind one link of 1 Gbit/s."""
    near = star(*[10**9] * len(trips_us), queue=queue)
    trunk = replace(near.links[0].forward, rate_bps=10**9)
    ends = (
        replace(link, forward=late, reverse=late)
        for link, trip in zip(near.links[1:], trips_us, strict=True)
        for late in (replace(link.forward, delay_us=trip // 2),)
    )
    return replace(near, links=(Link(("ps", "s0"), trunk, trunk), *ends))


@pytest.mark.parametrize("trips", [(50_000,), (50_000,) * 3, (10_000, 50_000, 200_000)])
@pytest.mark.parametrize("scale", [Scale(), Scale(64), Scale(4, 0.25)])
def test_windows_that_share_a_port_hold_no_more_than_it_does(
    trips: tuple[int, ...], scale: Scale
) -> None:
    topology = shared(trips)
    for direction in ("pull", "push"):
        windows = sum(
            2 * 1514 / 1448
            * payload_share(packet_segments(exchange_of(topology).demands, flow, scale))
            * emulated_send_bytes(exchange_of(topology).demands, flow, AUTO, scale)
            for flow in exchange_of(topology).demands
            if exchange_of(topology).way(flow) == direction
        )  # fmt: skip
        trip = sum(trips) / len(trips) / 1e6
        on_the_way = scale.rate(10**9) * scale.seconds(trip) / 8
        assert windows <= on_the_way + scale.queue_bytes(512 * 1024)
        # And all that it does, but where windows that come at once are more than its queue.
        if len(set(trips)) == 1:
            assert windows > 0.99 * min(on_the_way, scale.queue_bytes(512 * 1024))


def test_windows_that_are_whole_from_the_start_fit_a_queue_together() -> None:
    # The least queue of 128 KiB for three, in frames of one segment, which count 2728 bytes.
    topology = shared((50_000,) * 3)
    size = 131_072 / 3 * 1448 / 1514 / (2 * 1448 / 2728)
    for flow in exchange_of(topology).demands:
        assert (
            emulated_send_bytes(exchange_of(topology).demands, flow, AUTO, Scale(64))
            == int(size - 0.5)
            == 39_361
        )
    # 80 segments do, too: TCP starts with them, and windows may be larger.
    (real, *_) = sent(topology)
    assert real > 512 * 1024 // 3


def test_windows_get_smaller_with_the_rate_but_hold_some_segments() -> None:
    sizes = [sent(star(rate))[0] for rate in (10**9, 5 * 10**8, 10**8, 10**7, 10**6, 9_600)]
    assert sizes == [49_152, 24_576, 16_384, 12_500, 6_144, 6_144]
    # Each direction has its own: 20 times slower up than down.
    topology = star(10**8, up=20)
    assert (sent(topology), sent(topology, "push")) == ([16_384], [6_250])


def test_sizes_that_were_asked_for_stay() -> None:
    asked = SocketBuffers(1 << 20, 1 << 19)
    demands = exchange_of(star(9_600)).demands
    flow = exchange_of(star(10**9)).demand("push", "w0")
    assert (asked.auto, AUTO.auto) == (False, True)
    assert asked.send_bytes(demands, flow) == 1 << 20
    assert asked.receive_bytes(demands) == 1 << 19
    # The kernel keeps twice what is asked, and what is asked has a least size.
    assert (
        window_bytes(
            exchange_of(star(10**9)).demands, flow, replace(asked, send=49_152), Scale(16, 1)
        )
        == 2 * 16_384
    )


def test_the_longest_and_fastest_way_has_a_window_that_the_kernel_takes() -> None:
    assert AUTO.receive_bytes(exchange_of(star(10**13, delay_us=60 * 10**6)).demands) == 1 << 30


def test_a_burst_takes_a_fifth_of_a_queue_at_most_and_is_a_frame_at_least() -> None:
    for queue, segments in ((512, 45), (128, 17), (12, 2), (4, 1)):
        topology = star(10**9, queue=queue * 1024)
        assert host_burst_segments(exchange_of(topology).demands, Scale()) == {
            "ps": segments,
            "w0": segments,
        }


@pytest.mark.parametrize(("workers", "least"), [(1, 12), (2, 24), (5, 60), (16, 60)])
def test_the_least_queue_holds_the_least_windows(workers: int, least: int) -> None:
    topology = star(*[10**9] * workers, queue=least * 1024)
    own, shared = ports(topology)[-1], ports(topology)[0]
    assert least_queue_bytes(exchange_of(topology).demands, own) == 12 * 1024
    assert least_queue_bytes(exchange_of(topology).demands, shared) == least * 1024
    # With it, what `auto` takes of it is what TCP needs.
    assert set(sent(topology)) == {6 * 1024}
