"""Bounds of workers that do not wait for each other, against sums made by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from orchestrator.predict import goodput_bps, lead_of, lower_bound, own_paces
from orchestrator.spec import Topology, load_topology
from tests.unit.placed import exchange_of
from workloads.models.devices import DeviceModel
from workloads.models.profiles import load_model

ALEXNET = load_model("alexnet")
MACS = sum(layer.macs for layer in ALEXNET.layers) / 1e9


def device(seconds: float) -> DeviceModel:
    """A device that needs `seconds` for an image of alexnet."""
    return DeviceModel("made-up", 0.0, seconds / MACS, 0.0)


def topology(folder: Path, *rates: str, trunk: str = "10 Gbps") -> Topology:
    """A worker with a named device behind each rate, and a trunk to the server."""
    hosts = [f"  w{n}: {{role: worker, device: d{n}}}" for n in range(len(rates))]
    links = [f"  - {{endpoints: [s0, w{n}], rate: {rate}}}" for n, rate in enumerate(rates)]
    lines = [
        "name: made-up", "hosts:", "  ps: {role: ps}", *hosts, "switches: [s0]", "links:",
        f"  - {{endpoints: [ps, s0], rate: {trunk}}}", *links,
    ]  # fmt: skip
    file = folder / "topology.yaml"
    file.write_text("\n".join(lines) + "\n")
    return load_topology(file)


def test_each_worker_at_the_pace_of_its_own_device(tmp_path: Path) -> None:
    made = topology(tmp_path, *["100 Gbps"] * 3, trunk="400 Gbps")
    devices = {f"d{n}": device(seconds) for n, seconds in enumerate((0.5, 0.5, 2.0))}
    assert own_paces(exchange_of(made), ALEXNET, devices, 4) == pytest.approx(2 + 2 + 0.5)
    # In step all have the pace of the slowest, and so they have in the long run if they are tied.
    in_step = lower_bound(exchange_of(made), ALEXNET, devices, 4)
    assert in_step.imgs_per_sec(in_step.seconds) == pytest.approx(3 * 0.5)
    assert own_paces(exchange_of(made), ALEXNET, devices, 4, lead=1) == pytest.approx(3 * 0.5)
    # While the slowest does four, one that may be one ahead can do six at most.
    assert own_paces(
        exchange_of(made), ALEXNET, devices, 4, lead=lead_of(False, 1, 4)
    ) == pytest.approx(0.75 + 0.75 + 0.5)


def test_a_link_of_ones_own_and_a_link_that_all_share(tmp_path: Path) -> None:
    devices = {"d0": device(0.0), "d1": device(0.0)}
    model = ALEXNET.bytes * 8
    made = topology(tmp_path, "1 Gbps", "250 Mbps")
    assert own_paces(exchange_of(made), ALEXNET, devices, 1) == pytest.approx(
        goodput_bps(1.25e9) / model
    )
    made = topology(tmp_path, "1 Gbps", "250 Mbps", trunk="800 Mbps")
    assert own_paces(exchange_of(made), ALEXNET, devices, 1) == pytest.approx(
        goodput_bps(0.8e9) / model
    )
    # Measured goodput counts where it is known, in its own direction.
    measured = {"s0->ps": 400e6}
    assert own_paces(exchange_of(made), ALEXNET, devices, 1, measured) == pytest.approx(
        400e6 / model
    )


def test_workers_that_are_alike_can_do_no_more_than_in_step(tmp_path: Path) -> None:
    devices = {f"d{n}": device(0.5) for n in range(3)}
    for rate in ("300 Mbps", "100 Gbps"):
        made = topology(tmp_path, *[rate] * 3)
        in_step = lower_bound(exchange_of(made), ALEXNET, devices, 2)
        rates = own_paces(exchange_of(made), ALEXNET, devices, 2)
        assert rates == pytest.approx(in_step.imgs_per_sec(in_step.seconds))


def test_how_far_ahead() -> None:
    assert lead_of(True, None) == 1
    assert lead_of(False, None) == math.inf
    assert lead_of(False, 3) == 1
    assert lead_of(False, 3, 8) == 1.5


def test_links_of_any_speed(tmp_path: Path) -> None:
    """Paces of millionths of an iteration a second, and a thousand times another one's."""
    devices = {"d0": device(0.0), "d1": device(0.0)}
    made = topology(tmp_path, "9.6 kbps", "9.6 Mbps")
    model = ALEXNET.bytes * 8
    assert own_paces(exchange_of(made), ALEXNET, devices, 1) == pytest.approx(
        goodput_bps(9609600) / model
    )
    slowest = goodput_bps(9600) / model
    assert own_paces(exchange_of(made), ALEXNET, devices, 1, lead=1) == pytest.approx(2 * slowest)
