"""The closed forms, on the published topology and on others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.predict import compute_seconds, goodput_bps, no_overlap_seconds, phase_seconds
from orchestrator.spec import Topology, load_topology
from tests.unit.placed import exchange_of
from workloads.models.devices import DeviceModel, known_devices
from workloads.models.profiles import load_model

TOPOLOGIES = Path(__file__).parents[4] / "topologies"
PUBLISHED = "ps-10g-1g-3workers"
DEVICE = "published-worker-6-cores-2GHz"
# Idle compute: what is left is the network alone.
INSTANT = {DEVICE: DeviceModel(DEVICE, 0.0, 0.0, 0.0)}
MODEL_BYTES = 100_000_000


def topology(name: str) -> Topology:
    return load_topology(TOPOLOGIES / f"{name}.yaml")


def trunk(tmp_path: Path, workers: int, *, back: str = "1 Gbps") -> Topology:
    """The published topology with another number of workers, and a rate of the trunk's way back."""
    names = [f"worker{number}" for number in range(workers)]
    hosts = "".join(f"  {name}: {{role: worker}}\n" for name in names)
    links = "".join(f"  - {{endpoints: [switch1, {name}], rate: 1 Gbps}}\n" for name in names)
    file = tmp_path / "trunk.yaml"
    file.write_text(
        f"name: trunk\n"
        f"defaults:\n  worker: {{device: {DEVICE}}}\n"
        f"hosts:\n  ps: {{role: ps}}\n{hosts}"
        f"switches: [switch0, switch1]\n"
        f"links:\n"
        f"  - {{endpoints: [ps, switch0], rate: 10 Gbps}}\n"
        f"  - {{endpoints: [switch0, switch1], rate: 1 Gbps, reverse: {{rate: {back}}}}}\n"
        f"{links}"
    )
    return load_topology(file)


def in_u(seconds: float, rate_bps: float = 1e9) -> float:
    """Seconds in units of u, the time of one model over a link."""
    return seconds / (MODEL_BYTES * 8 / goodput_bps(rate_bps))


def test_goodput_counts_headers_as_tc_does() -> None:
    assert goodput_bps(1e9) / 1e6 == pytest.approx(956.4, abs=0.05)


@pytest.mark.parametrize(
    ("model", "imgs_per_sec"),
    [
        ("alexnet", "0.242"),
        ("googlenet", "2.135"),
        ("inception3", "0.627"),
        ("resnet50", "0.585"),
        ("mobilenet", "4.262"),
    ],
)
def test_six_u_is_the_published_baseline(model: str, imgs_per_sec: str) -> None:
    seconds = no_overlap_seconds(exchange_of(topology(PUBLISHED)), load_model(model), INSTANT, 1)
    assert f"{3 / seconds:.3f}" == imgs_per_sec


@pytest.mark.parametrize(
    ("model", "megabytes", "gmac", "depthwise"),
    [
        ("alexnet", 247.369380, 0.838792896, 0),
        ("googlenet", 27.998308, 1.582672896, 0),
        ("inception3", 95.277604, 5.713218144, 0),
        ("resnet50", 102.236324, 3.857975296, 0),
        ("mobilenet", 14.024612, 0.300775552, 17),
    ],
)
@pytest.mark.parametrize("batch", [1, 4])
def test_compute_is_the_sum_over_the_layers(
    model: str, megabytes: float, gmac: float, depthwise: int, batch: int
) -> None:
    expected = 0.002 * megabytes + batch * (0.070 * gmac + 0.052 * depthwise)
    assert compute_seconds(load_model(model), known_devices()[DEVICE], batch) == pytest.approx(
        expected
    )


def test_compute_is_added_to_the_network() -> None:
    model = load_model("alexnet")
    published = topology(PUBLISHED)
    network = no_overlap_seconds(exchange_of(published), model, INSTANT, 1)
    with_compute = no_overlap_seconds(exchange_of(published), model, known_devices(), 1)
    assert with_compute - network == pytest.approx(0.5534542627)


def test_the_slowest_worker_decides() -> None:
    star = topology("star")
    hosts = [
        replace(host, device="slow") if host.name == "worker2" else host for host in star.hosts
    ]
    straggler = replace(star, hosts=tuple(hosts))
    devices = {**INSTANT, "slow": DeviceModel("slow", 0.0, 1.0, 0.0)}
    model = load_model("alexnet")
    straggling = no_overlap_seconds(exchange_of(straggler), model, devices, 2)
    assert straggling - no_overlap_seconds(exchange_of(star), model, INSTANT, 2) == pytest.approx(
        2 * 0.838792896
    )


@pytest.mark.parametrize("workers", [1, 2, 5, 16])
def test_n_workers_take_n_u_per_phase(tmp_path: Path, workers: int) -> None:
    shape = trunk(tmp_path, workers)
    assert in_u(phase_seconds(exchange_of(shape), MODEL_BYTES, "pull")) == pytest.approx(workers)
    assert in_u(phase_seconds(exchange_of(shape), MODEL_BYTES, "push")) == pytest.approx(workers)


def test_more_workers_than_the_first_link_carries(tmp_path: Path) -> None:
    # Four workers behind 100 Gbps wait for the 10 Gbps of the parameter server.
    text = (TOPOLOGIES / "star.yaml").read_text().replace("{rate: 1 Gbps}", "{rate: 100 Gbps}")
    (tmp_path / "star.yaml").write_text(text)
    wide = load_topology(tmp_path / "star.yaml")
    assert in_u(phase_seconds(exchange_of(wide), MODEL_BYTES, "pull"), 10e9) == pytest.approx(4)


def test_directions_have_rates_of_their_own(tmp_path: Path) -> None:
    shape = trunk(tmp_path, 2, back="250 Mbps")
    assert in_u(phase_seconds(exchange_of(shape), MODEL_BYTES, "pull")) == pytest.approx(2)
    assert in_u(phase_seconds(exchange_of(shape), MODEL_BYTES, "push")) == pytest.approx(8)


def test_each_rack_has_a_trunk_of_its_own() -> None:
    # Three flows per trunk, although there are six workers.
    assert in_u(
        phase_seconds(exchange_of(topology("two-rack-tree")), MODEL_BYTES, "pull")
    ) == pytest.approx(3)


def test_a_star_is_as_fast_as_one_link() -> None:
    assert in_u(phase_seconds(exchange_of(topology("star")), MODEL_BYTES, "push")) == pytest.approx(
        1
    )
