"""A program's measures: what its readings say, and whether its figure may be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.analysis import read_run
from orchestrator.analysis.measures.links import link_uses
from orchestrator.analysis.measures.programs.measure import measure_any
from orchestrator.analysis.measures.programs.pairs import payload_by_pair
from orchestrator.analysis.verdict import judge_trial
from orchestrator.errors import RunError
from orchestrator.records.program import PrintedLine, dump_lines, load_lines
from orchestrator.spec import Throughput
from tests.unit.analysis.builder import write_run
from tests.unit.analysis.fake_trial import SECOND, FakeTrial
from tests.unit.analysis.programs import HEADERS, SEGMENT, lines_of, program_in, write_program


def test_the_first_rank_that_has_readings_counts_or_all_added(tmp_path: Path) -> None:
    lines = {"worker1": lines_of([9, 2, 4]), "worker2": lines_of([9, 5])}
    first = program_in(tmp_path / "first", lines)
    assert first.throughput == 3
    summed = Throughput(json="speed", per_rank="sum")
    assert program_in(tmp_path / "sum", lines, throughput=summed).throughput == 8


def test_the_measured_time_is_that_of_the_readings_that_count(tmp_path: Path) -> None:
    """iperf3's client, say, prints all of its readings when it ends."""
    late = lines_of([9, 5, 5], begin=13)
    lines = {"worker0": lines_of([9, 2, 4]), "worker1": late}
    assert program_in(tmp_path / "first", lines).window == (11 * SECOND, 13 * SECOND)
    summed = Throughput(json="speed", per_rank="sum")
    both = program_in(tmp_path / "sum", lines, throughput=summed)
    assert both.window == (14 * SECOND, 16 * SECOND)


def test_rates_are_those_of_the_real_system(tmp_path: Path) -> None:
    trial = program_in(tmp_path, {"worker0": lines_of([9, 0.5])}, time=8.0)
    measured = measure_any(trial)
    assert (measured.imgs_per_sec, measured.scale_rates) == (4, 8)


def test_readings_may_be_in_a_file(tmp_path: Path) -> None:
    written = [PrintedLine(None, "file", '{"speed": 7}\n'), *lines_of([1, 1])]
    in_file = Throughput(json="speed", file="speed.jsonl")
    trial = program_in(tmp_path, {"worker2": written}, throughput=in_file, warm_up=0)
    assert trial.throughput == 7
    assert trial.window == (10 * SECOND, 16 * SECOND)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (
            [],
            "no throughput in what it printed: "
            "a JSON object with a number at 'speed' was looked for",
        ),
        ([1], "1 reading of its throughput, and the warm-up leaves the first 1 out"),
        ([1, -2], "its throughput was -2"),
    ],
)
def test_a_program_without_a_throughput_has_failed(
    tmp_path: Path, values: list[float], reason: str
) -> None:
    run = write_run(tmp_path / "run", [FakeTrial()])
    write_program(run, index=2, lines={"worker0": lines_of(values)})
    (failed,) = read_run(run).failed
    assert reason in failed.reason


def test_what_never_crossed_the_data_network_is_unusable(tmp_path: Path) -> None:
    measured = measure_any(program_in(tmp_path, {"worker0": lines_of([9, 1])}, packets=10))
    assert measured.payload == 3 * 10 * (SEGMENT - HEADERS)
    verdict = judge_trial(measured)
    assert verdict.level == "unusable"
    assert "only 43.4 KB crossed the data network between its hosts" in verdict.reasons[0]
    alone = replace(measured, pairs={}, payload=0, loopback={"worker0": 2_000_000})
    (reason, *_) = judge_trial(alone).reasons
    assert reason == (
        "all of it ran on worker0: nothing crossed the data network, and 2.0 MB stayed on worker0"
    )


def test_what_crossed_the_management_network_is_unusable(tmp_path: Path) -> None:
    lines = {"worker0": lines_of([9, 1])}
    measured = measure_any(program_in(tmp_path, lines, management=100_000_000))
    assert judge_trial(measured).reasons[0] == "100.0 MB crossed the management network"


def test_a_usable_program_is_ok(tmp_path: Path) -> None:
    measured = measure_any(program_in(tmp_path, {"worker0": lines_of([9, 1, 1, 1])}))
    assert judge_trial(measured).level == "ok", judge_trial(measured)
    assert payload_by_pair(program_in(tmp_path / "x", {"worker0": lines_of([9, 1])}).network)


def test_lines_come_back_as_they_were() -> None:
    lines = [PrintedLine(1, "stdout", "a\u2028b\n"), PrintedLine(None, "file", '"\\"')]
    assert list(load_lines("x", dump_lines(lines).decode())) == lines
    with pytest.raises(RunError, match="x:2: not a printed line"):
        list(load_lines("x", '[1, "stdout", "a"]\n{}\n'))


def test_how_full_the_fullest_link_was(tmp_path: Path) -> None:
    values = [9, 1, 1, 1, 1, 1, 1]
    trial = program_in(tmp_path, {"worker0": lines_of(values)})
    fullest = measure_any(trial).fullest
    assert fullest is not None
    assert (fullest.port, fullest.shares) == ("worker0->switch1", (1.0, 1.0, 0.0, 0.0))
    assert (fullest.mean, fullest.full) == (0.5, 0.5)
    assert link_uses(trial.network, 0, 11 * SECOND) == ()
