"""What the hosts of a program sent to each other, by counters and by its own word."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from orchestrator.analysis import report
from orchestrator.analysis.measures.programs.measure import measure_any
from orchestrator.analysis.measures.programs.pairs import most_off
from orchestrator.analysis.verdict import judge_trial
from orchestrator.records.network import FlowRecord
from orchestrator.records.program import PrintedLine
from tests.unit.analysis.builder import write_run
from tests.unit.analysis.fake_trial import SECOND, FakeTrial
from tests.unit.analysis.programs import (
    HEADERS,
    HOSTS,
    SEGMENT,
    lines_of,
    program_in,
    write_program,
)

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
