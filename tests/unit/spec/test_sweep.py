"""Sweeps: the points of an experiment, and topologies of other rates and numbers of workers."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.emulation.network.addresses import cables
from orchestrator.errors import InputError
from orchestrator.spec import (
    Conditions,
    Experiment,
    Host,
    Placement,
    Scale,
    Sweep,
    Variable,
    conditions,
    load_any,
    load_experiment,
    load_topology,
)
from orchestrator.spec.sweep import EXPERIMENT_KEYS, base_of, sweep_of, with_workers
from orchestrator.spec.sweep.topologies import with_shape
from tests.unit.placed import placement_on

ROOT = Path(__file__).parents[3]
GOOD = ROOT / "tests/golden/good"
PUBLISHED = load_topology(ROOT / "topologies/ps-10g-1g-3workers.yaml")
TREE = load_topology(ROOT / "topologies/two-rack-tree.yaml")


def loaded(name: str) -> Experiment:
    experiment = load_any(GOOD / f"{name}.yaml")
    assert isinstance(experiment, Experiment)
    return experiment


def test_points_of_the_batch_keep_their_order_and_the_topology() -> None:
    whole = loaded("sweep-batch")
    points = whole.points()
    assert [(point.label, *point.values) for point in points] == [
        ("batch-16", 16),
        ("batch-1", 1),
        ("batch-4", 4),
    ]
    assert [point.experiment.batch for point in points] == [16, 1, 4]
    # One topology, and with it one remembered calibration.
    assert {point.experiment.topology for point in points} == {whole.topology}
    assert all(point.experiment.sweep is None for point in points)


def test_points_of_the_rate_change_both_directions_of_one_link() -> None:
    first, second = loaded("sweep-rate").points()
    assert (first.label, second.label) == ("rate-100M", "rate-2.5G")
    trunk, other = second.experiment.topology.links
    assert (trunk.forward.rate_bps, trunk.reverse.rate_bps) == (2.5e9, 2.5e9)
    assert (other.forward.rate_bps, other.reverse.rate_bps) == (1e9, 1e9)
    assert second.experiment.topology.name == "small-rate-2.5G"


def test_an_experiment_without_a_sweep_has_no_points() -> None:
    assert loaded("experiment").points() == ()


def test_every_point_has_a_digest_of_its_own_and_the_sweep_too() -> None:
    whole = loaded("sweep-batch")
    points = [point.experiment.with_scale(Scale()) for point in whole.points()]
    assert len({*(point.digest() for point in points), whole.digest()}) == 4


def test_the_topologys_own_value_is_the_topology_itself() -> None:
    trunk = ("switch0", "switch1")
    base = Conditions(PUBLISHED, placement_on(PUBLISHED), 1)
    for variable in (Variable("workers", (3,)), Variable("rate", (10**9,), trunk)):
        assert conditions(Sweep((variable,)), variable.values, base) == base


@pytest.mark.parametrize(
    ("value", "label", "text"),
    [
        (10**10, "rate-10G", "10 Gbit/s"),
        (155_520_000, "rate-155.52M", "155.52 Mbit/s"),
        (999, "rate-999", "999 bit/s"),
    ],
)
def test_rates_are_written_exactly(value: int, label: str, text: str) -> None:
    sweep = Sweep((Variable("rate", (value,), ("a", "b")),))
    assert (sweep.label((value,)), sweep.text((value,))) == (label, text)


def test_fewer_workers_are_the_first_ones() -> None:
    one, placed = with_workers(TREE, placement_on(TREE), 1)
    assert placed == Placement(("ps",), ("worker0",))
    gone = set(placement_on(TREE).workers[1:])
    assert not any(gone.intersection(link.endpoints) for link in one.links)
    assert one.switches == TREE.switches
    assert len(one.links) == len(TREE.links) - len(gone)


def test_more_workers_are_copies_of_the_last_one() -> None:
    many, placed = with_workers(PUBLISHED, placement_on(PUBLISHED), 16)
    assert placed == Placement(("ps",), tuple(f"worker{n}" for n in range(16)))
    last, new = PUBLISHED.host("worker2"), many.host("worker15")
    assert (new.device, new.cores, new.memory_bytes) == (last.device, last.cores, last.memory_bytes)
    rates = {link.endpoints: link.forward for link in many.links}
    assert rates["switch1", "worker15"] == rates["switch1", "worker2"]
    # Interface names stay within Linux's limit, and no two are alike.
    devices = [device for cable in cables(many) for device in cable.devices]
    assert len(set(devices)) == len(devices)
    assert all(len(device) <= 15 for device in devices)


@pytest.mark.parametrize(
    ("names", "copies"),
    [
        (("gpu", "cpu"), ("cpu0", "cpu1")),
        (("node1", "node10"), ("node0", "node2")),
        (("A" * 63,), ("A" * 62 + "0", "A" * 62 + "1")),
        (("GPU-eth_a.1", "GPU-eth_a.0"), ("GPU-eth_a.2", "GPU-eth_a.3")),
        (("core",), ("core0", "core2")),
    ],
)
def test_copies_do_not_collide(names: tuple[str, ...], copies: tuple[str, ...]) -> None:
    first = PUBLISHED.links[2]
    topology = type(PUBLISHED)(
        "t",
        "",
        (PUBLISHED.host("ps"), *(Host(name, "d") for name in names)),
        ("core1",),
        tuple(type(first)(("core1", end), first.forward, first.reverse) for end in ("ps", *names)),
    )
    many, placed = with_workers(topology, Placement(("ps",), names), len(names) + 2)
    assert placed.workers == (*names, *copies)
    assert {host.name for host in many.hosts} == {"ps", *names, *copies}


def test_a_link_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="no link worker0 - ps"):
        with_shape(PUBLISHED, ("worker0", "ps"), "rate_bps", 10**9)


# -- grids, and keys of schedules ------------------------------------------------------------------


def test_a_grid_has_all_combinations_each_with_its_conditions() -> None:
    whole = loaded("sweep-grid")
    points = whole.points()
    assert [point.label for point in points] == [
        "slice-160kB-delay-0us",
        "slice-160kB-delay-1.5ms",
        "slice-4MB-delay-0us",
        "slice-4MB-delay-1.5ms",
    ]
    for point in points:
        size, delay = point.values
        first, _ = point.experiment.topology.links
        assert (first.forward.delay_us, first.reverse.delay_us) == (delay, delay)
        for name in ("p3", "mine"):
            assert point.experiment.schedule(name).slice_bytes == size
        assert point.experiment.schedule("none") == whole.schedule("none")
    assert whole.sweep is not None
    last = points[-1].values
    assert whole.sweep.text(last) == "4 MB, delay 1.5 ms"
    assert whole.sweep.beside(last) == "delay 1.5 ms"
    assert whole.sweep.title == "slice of p3, mine and delay of ps - switch0"
    assert len({point.experiment.digest() for point in points}) == 4


def test_a_codec_is_that_of_both_ways() -> None:
    base = base_of(loaded("experiment"))
    sweep = Sweep((Variable("codec", ("float16",), schedules=("none",)),))
    changed = conditions(sweep, ("float16",), base).schedules["none"]
    assert (changed.push_codec, changed.pull_codec) == ("float16", "float16")


def test_labels_that_directories_cannot_tell_apart_are_numbered() -> None:
    values = ("top-k:1%", "top-k:1", "top-k/1")
    sweep = Sweep((Variable("push_codec", values, schedules=("none",)),))
    labels = [sweep.label(values) for values in sweep.points]
    assert labels == ["push_codec-top-k-1", "push_codec-top-k-1.2", "push_codec-top-k-1.3"]


def test_a_record_of_before_there_were_grids_is_read() -> None:
    old = {"variable": "rate", "values": [10**9], "link": ["switch0", "switch1"]}
    assert sweep_of(old) == Sweep((Variable("rate", (10**9,), ("switch0", "switch1")),))
    assert sweep_of(None) is None


VARIABLES = {
    "batch": st.integers(1, 64),
    "workers": st.integers(1, 40),
    "congestion_control": st.sampled_from(["cubic", "reno", "bbr"]),
    "send_buffer": st.sampled_from(["auto", "32 KiB", "64 KiB"]),
    "receive_buffer": st.sampled_from(["auto", "300 KiB", "512 KiB"]),
    "rate": st.sampled_from(["100 Mbps", "1 Gbps", "2.5 Gbps", "999 kbps"]),
    "delay": st.sampled_from(["0us", "50us", "1 ms", "1.5 ms"]),
    "queue": st.sampled_from(["256 KiB", "512 KiB", "1 MiB"]),
    "slice": st.sampled_from(["64 KiB", "160 kB", "4 MB"]),
    "window": st.sampled_from(["1 MB", "16 MB"]),
    "not_sent_limit": st.sampled_from(["16 KiB", "64 KiB"]),
    "order": st.sampled_from(["layer", "generation"]),
    "codec": st.sampled_from(["float16", "fixed-point:8", "codebook:8"]),
    "push_codec": st.sampled_from(["identity", "top-k:1%", "top-k:10%+feedback", "sign"]),
}


@st.composite
def swept_files(draw: st.DrawFn) -> str:
    keys = draw(st.lists(st.sampled_from(sorted(VARIABLES)), min_size=1, max_size=2, unique=True))
    lines = []
    for key in keys:
        values = draw(st.lists(VARIABLES[key], min_size=1, max_size=3, unique=True))
        of = {"rate": "link", "delay": "link", "queue": "link"}.get(key, "schedules")
        where = "[switch0, switch1]" if of == "link" else "[p3]"
        whole = key in EXPERIMENT_KEYS
        lines.append(f"  {key}: {values if whole else f'{{{of}: {where}, values: {values}}}'}\n")
    return f"sweep:\n{''.join(lines)}"


@settings(max_examples=60, deadline=None)
@given(text=swept_files())
def test_every_sweep_of_one_or_two_keys_ends_well_or_says_at_which_point_it_cannot(
    text: str,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "swept.yaml"
        topology = ROOT / "topologies/ps-10g-1g-3workers.yaml"
        head = f"name: swept\ntopology: {topology}\nmodels: [squeezenet]\nschedules: [none, p3]\n"
        file.write_text(head + text)
        try:
            experiment = load_experiment(file)
        except InputError as error:
            problems = error.problems
        else:
            problems = ()
    for problem in problems:
        assert re.search(r"yaml:\d+:\d+$", problem.place)
        assert re.match(f"({'|'.join(VARIABLES)})-", problem.message)
    if problems:
        return
    points = experiment.points()
    labels = [point.label for point in points]
    assert len(set(labels)) == len(points)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", label) for label in labels)
    again = Experiment.from_resolved(json.loads(json.dumps(experiment.to_json())))
    assert again == experiment
    assert again.points() == points
    digests = {point.experiment.with_scale(Scale()).digest() for point in points}
    assert len(digests) == len(points)


def test_a_key_without_values_is_one_problem(tmp_path: Path) -> None:
    text = (ROOT / "experiments/published.yaml").read_text()
    topology = ROOT / "topologies/ps-10g-1g-3workers.yaml"
    text = text.replace("../topologies/ps-10g-1g-3workers.yaml", str(topology))
    file = tmp_path / "empty.yaml"
    file.write_text(f"{text}sweep: {{batch: null}}\n")
    with pytest.raises(InputError, match="batch"):
        load_experiment(file)
