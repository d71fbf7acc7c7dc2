"""Topologies, models and devices of all sorts, for properties that hold for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from orchestrator.spec import Direction, Host, Link, Topology
from orchestrator.spec.sweep.topologies import with_shape
from workloads.models.devices import DeviceModel
from workloads.models.profiles import Layer, Model, Tensor, chained


@dataclass(frozen=True)
class Cluster:
    """A topology with the devices that its workers name."""

    topology: Topology
    devices: dict[str, DeviceModel]


def link(first: str, second: str, forward: int, reverse: int | None = None) -> Link:
    """A link without delay; both directions are alike unless the reverse has a rate."""
    sides = (forward, forward if reverse is None else reverse)
    there, back = (Direction(rate, 0, 512 * 1024) for rate in sides)
    return Link((first, second), there, back)


def trunk(
    workers: int, rate: int = 10**9, back: int | None = None, devices: Sequence[str] = ("d",)
) -> Topology:
    """The published topology with another number of workers, and a trunk of another rate."""
    hosts = [Host(f"worker{n}", devices[n % len(devices)]) for n in range(workers)]
    return Topology(
        "trunk",
        "",
        (Host("ps"), *hosts),
        ("switch0", "switch1"),
        (
            link("ps", "switch0", 10 * rate),
            link("switch0", "switch1", rate, back),
            *(link("switch1", host.name, rate) for host in hosts),
        ),
    )


def with_rate(topology: Topology, link: tuple[str, str], rate: int) -> Topology:
    """The topology with both directions of a link at a rate (bit/s)."""
    return with_shape(topology, link, "rate_bps", rate)


def model(*layers: tuple[int, int]) -> Model:
    """A model of layers, each of (elements, macs) with one tensor."""
    made = (
        Layer(f"l{n}", macs, (Tensor(f"l{n}.w", (elements,)),))
        for n, (elements, macs) in enumerate(layers)
    )
    return Model("made", "", chained(tuple(made)))


RATES = st.integers(10**6, 10**11)
CONSTANTS = st.floats(0, 10, allow_subnormal=False)
DEVICES = st.builds(DeviceModel, st.just("d"), CONSTANTS, CONSTANTS, CONSTANTS)
MODELS = st.lists(
    st.tuples(st.integers(1, 10**8), st.integers(0, 10**9)), min_size=1, max_size=6
).map(lambda layers: model(*layers))


@st.composite
def clusters(draw: st.DrawFn) -> Cluster:
    """Racks of workers behind a core switch; every direction has its own rate."""
    racks = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    devices = {f"d{n}": device for n, device in enumerate(draw(st.lists(DEVICES, min_size=1)))}
    hosts = [Host("ps")]
    links = [link("ps", "core", draw(RATES), draw(RATES))]
    for number, workers in enumerate(racks):
        rack = f"rack{number}"
        links.append(link("core", rack, draw(RATES), draw(RATES)))
        for _ in range(workers):
            name = f"worker{len(hosts) - 1}"
            hosts.append(Host(name, draw(st.sampled_from(sorted(devices)))))
            links.append(link(rack, name, draw(RATES), draw(RATES)))
    switches = ("core", *(f"rack{number}" for number in range(len(racks))))
    return Cluster(Topology("racks", "", tuple(hosts), switches, tuple(links)), devices)
