"""From what a bench left in its directory to figures and their aims."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from orchestrator.analysis.tables.bench.figures import Figure, bench_figures
from orchestrator.analysis.tables.bench.table import bench_table
from orchestrator.errors import RunError
from orchestrator.predict import goodput_bps
from tests.unit.analysis.builder import write_run
from tests.unit.analysis.fake_trial import FakeTrial

MS = 1_000_000
BENCH = {
    "server": "ps",
    "worker": "worker0",
    "ramp_seconds": 1.0,
    "seconds": 2.0,
    "samples": 100,
    "rates": 4.0,
    "link_bps": 250e6,
    "slice_bytes": 40_000,
}
SLICE_NS = 40_000 * 8e9 / goodput_bps(250e6)


def write(path: Path, *events: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(event) + "\n" for event in events))


def windows(mbit: float) -> list[dict[str, Any]]:
    """A window per 0.1 s from 5 s on; slow at the beginning and the end."""
    records = []
    for number in range(33):
        begin = 5000 * MS + number * 100 * MS
        bits = mbit * 1e5 if 10 <= number < 30 else 0
        ends = begin + 100 * MS
        records.append(
            {
                "event": "window",
                "begin_ns": begin,
                "end_ns": ends,
                "received": [round(bits / 8)],
                "busy_us": [0],
            }
        )
    return records


def report(push: float, back: float | None = None) -> dict[str, Any]:
    reverse = {} if back is None else {"sum_received_bidir_reverse": {"bits_per_second": back}}
    return {"start": {}, "end": {"sum_received": {"bits_per_second": push}, **reverse}}


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    trials = [
        FakeTrial("alexnet", "p3", cool_down=0),
        FakeTrial("alexnet", "fifo", cool_down=0, payload=1_000_000_000),
    ]
    run = write_run(tmp_path / "bench", trials)
    run_record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**run_record, "bench": BENCH}))
    for way, iperf_report in (
        ("push", report(240e6)),
        ("pull", report(230e6)),
        ("both", report(235e6, 225e6)),
    ):
        write(run / "iperf3" / f"{way}.json", iperf_report)
    released = {"event": "released", "released_ns": 5000 * MS}
    write(run / "goodput" / "ps.jsonl", released, *windows(228))
    write(run / "goodput" / "worker0.jsonl", *windows(229))
    left = round(1.5 * SLICE_NS)
    write(
        run / "urgent" / "worker0.jsonl",
        {"event": "urgent", "number": 1, "ready_ns": 1000, "begins_at": 60},
        {
            "event": "packets",
            "lost": 0,
            "syn_sequence": 0,
            "left_ns": [500, 1000 + left],
            "sequence": [1, 61],
            "length": [60, 1448],
        },
    )
    arrived = 1000 + round(1.6 * SLICE_NS)
    write(
        run / "urgent" / "ps.jsonl",
        {"event": "arrived", "number": 1, "offset": 0, "begins_ns": arrived, "ends_ns": arrived},
    )
    idle = {"iperf3-push": 0.5, "iperf3-pull": 0.4, "goodput": 0.3, "urgent": 0.2}
    (run / "idle.json").write_text(json.dumps(idle))
    return run


def test_goodput_is_the_real_systems_and_the_lesser_share_counts(bench: Path) -> None:
    figures = {figure.name: figure for figure in bench_figures(bench)}
    mbit = {name: figure.value for name, figure in figures.items() if figure.unit == "Mbit/s"}
    assert mbit == pytest.approx(
        {
            "iperf3, worker0 -> ps": 960,
            "iperf3, ps -> worker0": 920,
            "iperf3, both at once, worker0 -> ps": 940,
            "iperf3, both at once, ps -> worker0": 900,
            "transport, both at once, worker0 -> ps": 912,
            "transport, both at once, ps -> worker0": 916,
        }
    )
    (share,) = (figure for figure in figures.values() if figure.unit == "%")
    assert (share.value, share.least, share.met, share.idle) == (95, 97, False, 0.3)


def test_urgent_tensors_are_counted_in_slices_of_the_link(bench: Path) -> None:
    figures = [figure for figure in bench_figures(bench) if figure.name.startswith("urgent")]
    median, *others = figures
    assert median.name.endswith("median of 1")
    # First byte out, the worst, at the receiver; and the length of a slice.
    values = [figure.value for figure in (median, *others)]
    assert values == pytest.approx([1.5, 1.5, 1.6, SLICE_NS / 1e6])
    assert (median.most, median.met, median.idle) == (2, True, 0.2)


def test_cpu_is_held_to_its_aim_without_the_servers_arithmetic(bench: Path) -> None:
    figures = {figure.name: figure for figure in bench_figures(bench)}
    assert figures["CPU, alexnet p3"].value == pytest.approx(5.25 / 1.4)
    assert figures["CPU, alexnet p3"].met is False
    assert figures["CPU, alexnet fifo"].value == pytest.approx(5.25 / 14)
    assert figures["CPU, alexnet fifo"].met is True
    parts = [figures[name] for name in figures if name.startswith("CPU, alexnet fifo,")]
    assert [part.value for part in parts] == pytest.approx([0.375 / 14, 0.25 / 14])
    assert [part.met for part in parts] == [None, None]


def test_a_missing_record_is_named(bench: Path) -> None:
    (bench / "iperf3" / "pull.json").unlink()
    with pytest.raises(RunError, match=r"pull\.json: missing"):
        bench_figures(bench)


def test_a_report_of_nothing_is_no_reference(bench: Path) -> None:
    write(bench / "iperf3" / "push.json", report(0.0))
    with pytest.raises(RunError, match=r"push\.json: nothing was received"):
        bench_figures(bench)


def test_the_table_says_what_is_missed() -> None:
    figures = [
        Figure("goodput", 95.04, "%", least=97.0, idle=0.5),
        Figure("wait", 1.234, "slices", most=2.0),
        Figure("apart", 0.5, "s/GB"),
    ]
    console = Console(width=80, record=True)
    with console.capture() as captured:
        console.print(bench_table(figures))
    lines = [line.split() for line in captured.get().splitlines()]
    assert lines == [
        ["what", "measured", "aim", "idle"],
        ["goodput", "95.0", "%", ">=", "97", "%", "missed", "50", "%"],
        ["wait", "1.23", "slices", "<=", "2", "slices", "ok"],
        ["apart", "0.50", "s/GB"],
    ]
