"""Trials of programs: from their printed lines to measures, verdicts and rows."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from orchestrator.analysis import Summary, read_run, report, summarise
from orchestrator.analysis.measures.links import link_uses
from orchestrator.analysis.measures.programs.measure import measure_any
from orchestrator.analysis.measures.programs.pairs import most_off, payload_by_pair
from orchestrator.analysis.reading.program_trial import ProgramTrial
from orchestrator.analysis.render.figure import compose
from orchestrator.analysis.render.program_figure import draw_program
from orchestrator.analysis.report import caption
from orchestrator.analysis.tables.table import SummaryTable
from orchestrator.analysis.traces.program import program_trace
from orchestrator.analysis.verdict import judge_trial
from orchestrator.errors import RunError
from orchestrator.records.network import ClassRecord, FlowRecord, LinkSamplesRecord
from orchestrator.records.program import PrintedLine, ProgramRecord, dump_lines, load_lines
from orchestrator.records.trial import ScaleRecord, TrialRecord
from orchestrator.spec import Choices, Throughput
from tests.unit.analysis.builder import SECOND, FakeTrial, reference, write_run
from tests.unit.analysis.render.drawn_texts import texts
from workloads.schedule.library import get_schedule

HOSTS = ("worker0", "worker1", "worker2")
MB_PER_SEC = Throughput(json="speed", unit="MB/s")
HEADERS, SEGMENT = 66, 1514


def lines_of(values: Sequence[float], begin: int = 10) -> list[PrintedLine]:
    """A line each second, with noise between them."""
    lines = [PrintedLine(begin * SECOND, "stdout", "warming up\n")]
    for second, value in enumerate(values, start=begin + 1):
        lines.append(PrintedLine(second * SECOND, "stdout", json.dumps({"speed": value}) + "\n"))
        lines.append(PrintedLine(second * SECOND, "stderr", "note: 3 of 4\n"))
    return lines


def write_program(
    run: Path,
    *,
    index: int,
    lines: Mapping[str, Sequence[PrintedLine]],
    throughput: Throughput | None = None,
    warm_up: int = 1,
    model: str | None = "alexnet",
    time: float = 1.0,
    packets: int = 1_000_000,
    management: int = 1000,
    repeat: int = 1,
    sent: str | None = None,
    flows: tuple[FlowRecord, ...] = (),
) -> None:
    """Write the records of a program's trial: every host sends packets to the next one."""
    program = ProgramRecord(
        command=("train",),
        processes=HOSTS,
        hosts=HOSTS,
        shipped_bytes=100,
        throughput=throughput or Throughput(json="speed"),
        warm_up=warm_up,
        began_ns=10 * SECOND,
        ready_ns=10 * SECOND,
        ended_ns=16 * SECOND,
        sent=sent,
    )
    named = {} if model is None else {"model": model}
    reported = FakeTrial(management=management, time=time)
    network = reported._network()
    ports = []
    for rank, host in enumerate(HOSTS):
        classes = tuple(
            ClassRecord(
                name=f"to {other}",
                classid="1:1000",
                priority=1,
                bytes=SEGMENT * count,
                packets=count,
                drops=0,
            )
            for other in HOSTS
            if other != host
            for count in [packets if other == HOSTS[(rank + 1) % 3] else 0]
        )
        port = next(iter(network.ports))
        ports.append(port.model_copy(update={"port": f"{host}->switch1", "classes": classes}))
    # Its first link is full for half of the time, and then empty.
    rate = ports[0].rate_bps // 8
    so_far = (0, rate, 2 * rate, 2 * rate, 2 * rate)
    links = LinkSamplesRecord(
        ports=tuple(port.port for port in ports),
        samples=tuple(((11 + n) * SECOND, count, 0, 0) for n, count in enumerate(so_far)),
    )
    update = {"ports": tuple(ports), "loopback_bytes": {"worker0": 5}, "links": links}
    network = network.model_copy(update={**update, "flows": flows})
    trial = TrialRecord(
        index=index,
        choices=Choices(**named, program="own"),
        repeat=repeat,
        attempt=1,
        outcome="finished",
        error=None,
        seconds=9,
        communication=get_schedule("none"),
        servers=(),
        workers=HOSTS,
        batch=1,
        iterations=5,
        warm_up=2,
        cool_down=1,
        scale=ScaleRecord(rates=time, time=time),
        switch="linux-bridge",
        program=program,
    )
    place = run / "trials" / trial.directory
    place.mkdir(parents=True)
    (place / "trial.json").write_text(json.dumps(trial.as_json()))
    (place / "network.json").write_text(json.dumps(network.as_json()))
    for host in HOSTS:
        (place / f"{host}.jsonl").write_bytes(dump_lines(lines.get(host, ())))


def program_in(tmp_path: Path, lines: Mapping[str, Sequence[PrintedLine]], **how: Any) -> Any:
    """The one trial of a run that has nothing else."""
    run = write_run(tmp_path / "run", [FakeTrial()])
    write_program(run, index=2, lines=lines, **how)
    (trial,) = (one for one in read_run(run).trials if isinstance(one, ProgramTrial))
    return trial


def test_a_program_stands_beside_the_trainings_of_its_model(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [FakeTrial(imgs_per_sec=0.25), FakeTrial(schedule="p3")])
    write_program(run, index=3, lines={"worker0": lines_of([9, 0.5, 0.5])}, repeat=0)
    reported = report(run)
    row = reported.rows[2]
    assert [row[key] for key in ("model", "schedule", "program")] == ["alexnet", None, "own"]
    assert row["imgs_per_sec"] == row["throughput"] == pytest.approx(0.5)
    assert row["speedup_pct"] == pytest.approx(100)
    assert row["iteration_seconds_median"] is None
    payload = 1_000_000 * (SEGMENT - HEADERS)
    assert f"worker0->worker1={payload}" in row["payload_by_pair"]
    assert "worker0->worker2=0" in row["payload_by_pair"]
    assert reported.rows[0]["program"] is None
    *_, line = csv.DictReader(io.StringIO((run / "summary.csv").read_text()))
    assert (line["program"], line["schedule"], line["batch"], line["seed"]) == ("own", "", "", "")


def test_a_program_that_trains_a_model_has_the_bound_of_an_all_reduce(tmp_path: Path) -> None:
    """Above it, it sends less, which is no doubt; a training's bound stays what it was."""
    run = write_run(tmp_path / "run", [FakeTrial(imgs_per_sec=0.25)])
    write_program(run, index=2, lines={"worker0": lines_of([9, 1.2, 1.2])}, repeat=0)
    kept = json.loads((run / "run.json").read_text())
    throughput = {"unit": "imgs/sec"}
    own = {"model": "alexnet", "hosts": HOSTS, "throughput": throughput}
    kept["experiment"] = {**reference(), "programs": {"own": own}}
    (run / "run.json").write_text(json.dumps(kept))
    training, program = report(run).rows
    assert training["bound_imgs_per_sec"] == pytest.approx(0.483, rel=1e-2)
    assert program["bound_imgs_per_sec"] == pytest.approx(1.087, rel=1e-2)
    assert program["share_of_bound_pct"] == pytest.approx(100 * 1.2 / 1.087, rel=1e-2)
    assert not any("bound" in reason for reason in program["reasons"])


def test_another_unit_is_compared_with_nothing(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [FakeTrial()])
    write_program(run, index=2, lines={"worker0": lines_of([9, 5])}, throughput=MB_PER_SEC)
    row = report(run).rows[1]
    assert (row["imgs_per_sec"], row["throughput"], row["unit"]) == (None, 5, "MB/s")
    assert row["speedup_pct"] is None


def test_what_has_one_unit_is_called_by_it(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [FakeTrial()])
    write_program(run, index=2, lines={"worker0": lines_of([9, 5])}, throughput=MB_PER_SEC)
    read = read_run(run)
    summary = summarise(replace(read, trials=read.trials[1:]))
    assert caption(read, summary).title.endswith(": MB/s of own")
    heads = shown(summary)
    assert "MB/s" in heads
    assert "imgs/sec" not in heads
    (figure,) = compose(summary.rows, caption(read, summary)).axes
    assert figure.get_ylabel() == "MB/s"


def test_mixed_units_have_no_title_and_each_figure_its_own(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [FakeTrial(), FakeTrial(schedule="p3")])
    write_program(run, index=3, lines={"worker0": lines_of([9, 5])}, throughput=MB_PER_SEC)
    read = read_run(run)
    summary = summarise(read)
    assert caption(read, summary).title.endswith(": throughput under none and p3 and of own")
    assert re.search(r"throughput.*5.000 MB/s", shown(summary), re.DOTALL)
    assert "0.240 imgs/sec" in shown(summary)
    drawing = compose(summary.rows, caption(read, summary))
    assert len(drawing.axes) == 2
    # A program is not planned where the schedules are, nor they where it is.
    assert not any("no result" in text.get_text() for text in texts(drawing))


def shown(summary: Summary) -> str:
    console = Console(width=200, file=io.StringIO())
    with console.capture() as written:
        console.print(SummaryTable(summary.rows))
    return written.get()


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


PAYLOAD = 1_000_000 * (SEGMENT - HEADERS)


def says(sent: Mapping[int, int]) -> PrintedLine:
    return PrintedLine(16 * SECOND, "stdout", json.dumps({"sent": sent}) + "\n")


def saying(tmp_path: Path, *sent: Mapping[int, int] | None) -> Any:
    """A trial whose processes say what they have sent, by rank; None: one does not."""
    lines = {
        host: [] if one is None else [says({1: 7}), says(one)]
        for host, one in zip(HOSTS, sent, strict=True)
    }
    lines["worker0"] += lines_of([9, 1, 1, 1])
    return measure_any(program_in(tmp_path, lines, sent="sent"))


def test_a_program_that_sends_what_it_says_is_ok(tmp_path: Path) -> None:
    measured = saying(tmp_path, {1: PAYLOAD}, {2: PAYLOAD + 100_000, 1: 5}, {0: PAYLOAD, 1: 9})
    assert judge_trial(measured).level == "ok", judge_trial(measured)
    assert measured.said_pairs == {
        ("worker0", "worker1"): PAYLOAD,
        ("worker1", "worker2"): PAYLOAD + 100_000,
        ("worker2", "worker0"): PAYLOAD,
        ("worker2", "worker1"): 9,
    }


def test_answers_of_the_way_back_are_small(tmp_path: Path) -> None:
    """What a library tells a sender, message by message, is no exchange of its own."""
    measured = saying(tmp_path, {1: PAYLOAD}, {2: PAYLOAD}, {0: PAYLOAD})
    answered = {**measured.pairs, ("worker1", "worker0"): PAYLOAD // 200}
    assert judge_trial(replace(measured, pairs=answered)).level == "ok"
    more = {**measured.pairs, ("worker1", "worker0"): PAYLOAD // 50}
    assert judge_trial(replace(measured, pairs=more)).level == "doubtful"


def test_what_was_sent_otherwise_than_the_program_says_is_named(tmp_path: Path) -> None:
    measured = saying(tmp_path, {1: PAYLOAD * 2, 9: 10**6}, {0: 0}, None)
    verdict = judge_trial(measured)
    assert verdict.level == "doubtful"
    assert verdict.reasons == (
        "worker0 sent 1.4 GB to worker1 by the link's counters, and says 2.9 GB",
        "worker0 sent 0 B to rank 9 by the link's counters, and says 1.0 MB",
        "worker1 sent 1.4 GB to worker2 by the link's counters, and says 0 B",
    )
    assert most_off(replace(measured, said_pairs={("worker0", "worker1"): 2 * PAYLOAD})) == -50


def test_a_program_that_was_to_say_what_it_sends_and_does_not(tmp_path: Path) -> None:
    verdict = judge_trial(saying(tmp_path, None, None, None))
    assert verdict.reasons == ("none of its processes says what it has sent",)


def test_the_difference_stands_in_the_row(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [FakeTrial()])
    lines = {"worker0": [*lines_of([9, 1, 1, 1]), says({1: PAYLOAD * 100 // 101})]}
    write_program(run, index=2, lines=lines, sent="sent")
    made = report(run)
    assert made.rows[1]["sent_off_pct"] == pytest.approx(1)
    assert made.rows[0]["sent_off_pct"] is None
    console = Console(width=300)
    with console.capture() as shown:
        console.print(made.table)
    assert "+1.00" in shown.get()
    *_, line = csv.DictReader(io.StringIO((run / "summary.csv").read_text()))
    assert line["said_by_pair"] == f"worker0->worker1={PAYLOAD * 100 // 101}"


def rule(switch: str, packets: int) -> FlowRecord:
    return FlowRecord(
        switch=switch, flow="worker0 to worker1", priority=100, src="10.10.0.2", dst="10.10.0.3",
        dscp=None, output=1, packets=packets, bytes=packets * SEGMENT,
    )  # fmt: skip


def test_rules_of_the_first_switch_have_seen_what_a_host_sent(tmp_path: Path) -> None:
    lines = {"worker0": lines_of([9, 1, 1, 1])}
    seen = (rule("switch1", 1_000_000), rule("switch0", 5))
    measured = measure_any(program_in(tmp_path / "a", lines, flows=seen))
    assert measured.rule_pairs == {("worker0", "worker1"): PAYLOAD}
    assert judge_trial(measured).level == "ok"
    lost = measure_any(program_in(tmp_path / "b", lines, flows=(rule("switch1", 500_000),)))
    assert judge_trial(lost).reasons == (
        "worker0 sent 1.4 GB to worker1, and the switch's rule counted 724.0 MB",
    )


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


def test_the_trace_of_a_program(tmp_path: Path) -> None:
    trial = program_in(tmp_path, {"worker0": lines_of([9, 1, 2])}, time=8.0)
    events = program_trace(trial)["traceEvents"]
    counted = [(one["name"], one["args"]) for one in events if one["ph"] == "C"]
    assert counted[:2] == [("worker0->switch1", {"%": 100.0})] * 2
    assert counted[-1] == ("imgs/sec", {"imgs/sec": 16})
    assert draw_program(trial).startswith(b"\x89PNG")
