"""What the terminal shows."""

from __future__ import annotations

import io
import tempfile
from functools import cache
from pathlib import Path

import pytest
from rich.console import Console

from orchestrator.analysis import Row, read_run, summarise
from orchestrator.analysis.tables.items import in_items
from orchestrator.analysis.tables.table import SummaryTable
from tests.unit.analysis.builder import PUBLISHED, matrix, write_run
from tests.unit.analysis.fake_trial import FakeTrial


def table_lines(
    tmp_path: Path,
    trials: list[FakeTrial],
    width: int,
    *notes: str,
    topology: bool = False,
    published: bool = True,
) -> list[str]:
    figures = PUBLISHED if published else None
    rows = summarise(read_run(write_run(tmp_path, trials, figures, topology=topology))).rows
    return shown_lines(rows, width, *notes)


def shown_lines(rows: tuple[Row, ...], width: int, *notes: str) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=width).print(SummaryTable(rows, notes))
    return [line.rstrip() for line in text.getvalue().splitlines()]


def trials() -> list[FakeTrial]:
    planned = matrix(1, ["none", "switch-priority"], 2)
    for trial, rate in zip(planned, [0.24, 0.33, 0.25, 0.345], strict=True):
        trial.imgs_per_sec = rate
    planned[2].drops, planned[2].idle = 12_345, 0.5
    return planned


def test_one_table_at_120_columns(tmp_path: Path) -> None:
    assert table_lines(tmp_path, trials(), 120, "1 planned trials were not run") == [
        "                                       pub- devia-              pub-   pull   push idle %",
        "model   schedule            imgs/sec lished tion % speed-up % lished shares shares  worst"
        " drops retr. verdict",
        "alexnet none            0.245 ±0.064  0.240   +2.1                    33-33  33-33  55/50"
        "   12k     0 doubtful",
        "        switch-priority 0.338 ±0.095  0.340   -0.7 +37.8 ±3.2  +41.7  33-33  33-33  60/60"
        "     0     0 ok",
        "alexnet none: doubtful: repeat 1: 1.22 % of the packets dropped at switch0->switch1",
        "1 planned trials were not run",
    ]


def test_two_tables_at_80_columns(tmp_path: Path) -> None:
    assert table_lines(tmp_path, trials(), 80)[:9] == [
        "                                       pub- devia-              pub-",
        "model   schedule            imgs/sec lished tion % speed-up % lished",
        "alexnet none            0.245 ±0.064  0.240   +2.1",
        "        switch-priority 0.338 ±0.095  0.340   -0.7 +37.8 ±3.2  +41.7",
        "",
        "                          pull   push idle %",
        "model   schedule        shares shares  worst drops retr. verdict",
        "alexnet none             33-33  33-33  55/50   12k     0 doubtful",
        "        switch-priority  33-33  33-33  60/60     0     0 ok",
    ]


def test_shares_of_the_bound_stand_beside_the_figures_at_100_columns(tmp_path: Path) -> None:
    assert table_lines(tmp_path, trials(), 100, topology=True)[:6] == [
        "                                       pub- devia-              pub-        % of % of",
        "model   schedule            imgs/sec lished tion % speed-up % lished bound bound gain",
        "alexnet none            0.245 ±0.064  0.240   +2.1                   0.483    51",
        "        switch-priority 0.338 ±0.095  0.340   -0.7 +37.8 ±3.2  +41.7 0.483    70   39",
        "",
        "                          pull   push idle %",
    ]


def test_all_in_one_table_where_it_fits(tmp_path: Path) -> None:
    lines = table_lines(tmp_path, trials(), 140, topology=True)
    assert sum(line.startswith("model ") for line in lines) == 1
    assert "lished bound bound gain shares shares" in lines[1]


@cache
def many_rows(*, topology: bool) -> tuple[Row, ...]:
    """Of 54 trials; how wide they are shown changes nothing in them."""
    made = matrix(9, ["none", "switch-priority"], 3)
    for trial in made:
        trial.idle, trial.drops, trial.retransmits = 0.01, 99_999, 99_999
    with tempfile.TemporaryDirectory() as folder:
        written = write_run(Path(folder), made, PUBLISHED, topology=topology)
        return summarise(read_run(written)).rows


@pytest.mark.parametrize("topology", [False, True])
@pytest.mark.parametrize("width", [20, 30, 40, 80, 100, 120])
def test_nothing_is_cut_off(width: int, topology: bool) -> None:
    lines = shown_lines(many_rows(topology=topology), width)
    assert max(map(len, lines)) <= width
    assert not any("…" in line for line in lines)
    assert sum("unusable" in line for line in lines) >= 18


def test_a_reason_has_the_word_of_its_own_level(tmp_path: Path) -> None:
    lines = table_lines(tmp_path, [FakeTrial(idle=0.01, drops=9999)], 120)
    assert lines[-2:] == [
        "alexnet none: unusable: no idle CPU: 1 % on average",
        "alexnet none: doubtful: 0.99 % of the packets dropped at switch0->switch1",
    ]


def test_columns_of_published_figures_are_left_out_where_there_are_none(tmp_path: Path) -> None:
    lines = table_lines(tmp_path, trials(), 120, published=False)
    assert lines[1].split() == [
        "model", "schedule", "imgs/sec", "speed-up", "%", "shares", "shares", "worst", "drops",
        "retr.", "verdict",
    ]  # fmt: skip


def test_many_reasons_are_cut_short(tmp_path: Path) -> None:
    made = FakeTrial(idle=0.1, drops=9999, retransmits=99_999, slow={3: 2}, pull=[9, 1, 1])
    lines = table_lines(tmp_path, [made], 120)
    assert sum(line.startswith("alexnet none: doubtful: ") for line in lines) == 3
    assert lines[-1] == "alexnet none: and 2 more (summary.json)"


def test_one_repeat_has_no_interval(tmp_path: Path) -> None:
    lines = table_lines(tmp_path, matrix(1, ["none", "switch-priority"], 1), 120)
    assert not any("±" in line for line in lines)


def test_a_models_own_unit_is_shown(tmp_path: Path) -> None:
    """Sequences of 1024 tokens: figures and bound are in tokens, JSON counts sequences."""
    planned = trials()
    for trial in planned:
        trial.model = "gpt2"
    rows = summarise(read_run(write_run(tmp_path, planned, None))).rows
    shown = in_items(rows, {})
    assert {row.unit for row in shown} == {"tokens/sec"}
    assert [row.imgs_per_sec.mean for row in shown] == [
        pytest.approx(1024 * row.imgs_per_sec.mean) for row in rows
    ]
    assert [row.speedup for row in shown] == [row.speedup for row in rows]
    text = io.StringIO()
    Console(file=text, width=160).print(SummaryTable(shown))
    assert "tokens/sec" in text.getvalue()
    assert "imgs/sec" not in text.getvalue()
    for trial in planned:
        trial.model = "alexnet"
    rows = summarise(read_run(write_run(tmp_path / "other", planned, None))).rows
    assert in_items(rows, {}) == rows
