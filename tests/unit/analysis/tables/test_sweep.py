"""A sweep's points together: who wins, what limits, what is predicted, what is missing."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from orchestrator.analysis import is_sweep, report, report_sweep
from orchestrator.analysis.caption import Images
from orchestrator.analysis.render import sweep_figure
from orchestrator.analysis.tables.sweep import curves
from orchestrator.analysis.tables.sweep.curves import expectation, grid
from orchestrator.analysis.tables.sweep.files import rows_csv
from orchestrator.analysis.tables.sweep.rows import places_of, read_sweep
from orchestrator.errors import InputError, RunError
from orchestrator.spec import Sweep, Variable
from tests.unit.analysis.builder import write_run
from tests.unit.analysis.fake_trial import FakeTrial
from tests.unit.analysis.sweeps import BATCHES, RATES, WORKERS, fake_trials, swept, write_sweep

FOUR = ("none", "switch-priority", "fifo", "p3")
SHARES = {"none": 0.5, "switch-priority": 0.78, "fifo": 0.87, "p3": 0.97}  # of the bound


@pytest.fixture(autouse=True)
def _no_figure(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables, not figures: one test draws, and those of the figure do."""

    def draw_nothing(*_given: object, **_more: object) -> Images:
        return Images(b"", b"")

    if "figures" not in request.fixturenames:
        monkeypatch.setattr(sweep_figure, "draw_sweep", draw_nothing)


@pytest.fixture
def figures() -> None:
    """To draw them."""


@pytest.fixture(autouse=True)
def _few_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "GRID", 6)


def written(folder: Path, sweep: Sweep = BATCHES, *, repeats: int = 1) -> Path:
    experiment = swept(sweep, ["resnet50"], FOUR)
    return write_sweep(
        folder / "sweep", experiment, fake_trials(experiment, SHARES, repeats=repeats)
    )


def test_a_sweep_is_told_from_a_run(tmp_path: Path) -> None:
    assert is_sweep(written(tmp_path))
    assert not is_sweep(write_run(tmp_path / "run", [FakeTrial()]))
    assert not is_sweep(tmp_path / "nothing")


def test_where_every_point_lies(tmp_path: Path) -> None:
    for sweep, x, limits in (
        (BATCHES, [0.185, 1.027, 3.447], ["link switch0 - switch1", "compute", "compute"]),
        (
            RATES,
            [100, 1000, 10_000],
            ["link switch0 - switch1", "link switch0 - switch1", "links of workers"],
        ),
        (
            WORKERS,
            [1, 3, 5],
            ["2 links", *["link switch0 - switch1"] * 2],
        ),
    ):
        places = places_of(read_sweep(written(tmp_path / sweep.first.key, sweep)))
        assert [place.x for place in places] == pytest.approx(x, rel=2e-3)
        assert [place.limits for place in places] == limits
        assert [place.values for place in places] == list(sweep.points)


def test_the_bound_is_that_of_the_point(tmp_path: Path) -> None:
    places = places_of(read_sweep(written(tmp_path, RATES)))
    assert [place.bound for place in places] == pytest.approx([0.117, 1.169, 3.508], rel=2e-3)
    shares = [place.cells["none"].row.share_of_bound for place in places]
    assert shares == pytest.approx([50] * 3)


@pytest.mark.parametrize(("fifo", "standing"), [(0.99, "within the noise"), (0.98, ""), (0.5, "")])
def test_who_wins_with_one_repeat(tmp_path: Path, fifo: float, standing: str) -> None:
    experiment = swept(BATCHES, ["resnet50"], FOUR)
    trials = fake_trials(experiment, {**SHARES, "fifo": fifo * SHARES["p3"]})
    places = places_of(read_sweep(write_sweep(tmp_path / "sweep", experiment, trials)))
    for place in places:
        assert [cell.standing for cell in place.cells.values()] == ["", "", standing, "wins"]


def test_who_wins_with_intervals(tmp_path: Path) -> None:
    # Two repeats that differ by 2 %: half the interval is 12.6 %.
    places = places_of(read_sweep(written(tmp_path, repeats=2)))
    for place in places:
        noise = "within the noise"
        assert [cell.standing for cell in place.cells.values()] == ["", noise, noise, "wins"]


def test_what_may_not_be_used_does_not_win(tmp_path: Path) -> None:
    experiment = swept(BATCHES, ["resnet50"], FOUR)
    trials = fake_trials(experiment, SHARES)
    trials[9][-1].idle = 0.01
    sweep_report = report_sweep(write_sweep(tmp_path / "sweep", experiment, trials))
    standing = {(row["value"], row["schedule"]): row["standing"] for row in sweep_report.rows}
    assert (standing[9, "p3"], standing[9, "fifo"]) == ("", "wins")
    assert (standing[1, "p3"], standing[1, "fifo"]) == ("wins", "")
    assert not sweep_report.usable


@pytest.mark.usefixtures("figures")
def test_the_combined_files(tmp_path: Path) -> None:
    directory = written(tmp_path)
    before = {path for path in directory.rglob("*") if path.is_file()}
    sweep_report = report_sweep(directory)
    assert sweep_report.usable
    names = {"sweep.csv", "sweep.json", "figure.png", "figure.svg"}
    assert {path for path in directory.rglob("*") if path.is_file()} - before == set(
        sweep_report.files
    )
    assert {path.name for path in sweep_report.files} == names
    assert (directory / "figure.png").read_bytes().startswith(b"\x89PNG")
    rows = json.loads((directory / "sweep.json").read_text())
    assert tuple(rows) == sweep_report.rows
    assert [(row["point"], row["schedule"]) for row in rows] == [
        (f"batch-{batch}", schedule) for batch in (1, 9, 32) for schedule in FOUR
    ]
    (first, *_) = rows
    assert first["predicted_imgs_per_sec"] == pytest.approx(0.571, abs=1e-3)
    assert first["compute_over_links"] == pytest.approx(0.185, rel=2e-3)
    lines = list(csv.DictReader(io.StringIO((directory / "sweep.csv").read_text())))
    assert [line["standing"] for line in lines[:4]] == ["", "", "", "wins"]
    assert [float(line["imgs_per_sec"]) for line in lines[:4]] == pytest.approx(
        [1.1694 * share for share in SHARES.values()], rel=1e-4
    )
    again = {path: path.read_bytes() for path in sweep_report.files}
    report_sweep(directory)
    assert {path: path.read_bytes() for path in sweep_report.files} == again


def test_lists_and_intervals_in_the_csv() -> None:
    row = {"speedup_pct_interval": [1.0, 2.5], "reasons": ["a", "b"], "idle_mean": None}
    assert rows_csv([row]).splitlines() == [
        "speedup_pct_interval_low,speedup_pct_interval_high,reasons,idle_mean",
        "1,2.5,a; b,",
    ]


def test_a_sweep_that_was_stopped(tmp_path: Path) -> None:
    experiment = swept(BATCHES, ["resnet50"], FOUR)
    trials = fake_trials(experiment, SHARES)
    del trials[32]
    broken = FakeTrial("resnet50")
    broken.outcome, broken.error = "failed", "worker0: killed"
    trials[9] = [broken]
    sweep_report = report_sweep(write_sweep(tmp_path / "sweep", experiment, trials))
    assert {row["value"] for row in sweep_report.rows} == {1}
    first, second = sweep_report.table.notes
    assert first.startswith("9 has no result: ")
    assert "worker0: killed" in first
    assert second == "32 has no result: not run"


def test_a_trial_that_is_missing_leaves_a_gap(tmp_path: Path) -> None:
    experiment = swept(BATCHES, ["resnet50"], FOUR)
    trials = fake_trials(experiment, SHARES)
    trials[9].pop()
    sweep_report = report_sweep(write_sweep(tmp_path / "sweep", experiment, trials))
    assert [row["schedule"] for row in sweep_report.rows if row["value"] == 9] == list(FOUR[:3])
    (line,) = [line for line in table_lines(sweep_report.table, 200) if line.startswith("p3")]
    assert line.split() == ["p3", "1.134", "97", "%*", "-", "10.526", "97", "%*"]


def test_nothing_to_report(tmp_path: Path) -> None:
    directory = write_sweep(tmp_path / "sweep", swept(WORKERS, ["resnet50"], FOUR), {})
    with pytest.raises(InputError, match="the records of this sweep's points are not in it"):
        report_sweep(directory)
    (directory / "workers-3").mkdir()
    with pytest.raises(RunError, match=r"nothing to report: workers-1: not run; workers-3: .*json"):
        report_sweep(directory)


def test_a_broken_record(tmp_path: Path) -> None:
    directory = written(tmp_path)
    record = json.loads((directory / "run.json").read_text())
    del record["experiment"]["topology"]["hosts"]
    (directory / "run.json").write_text(json.dumps(record))
    with pytest.raises(RunError, match=r"run\.json: its topology cannot be read"):
        report_sweep(directory)


# -- predicted curves ------------------------------------------------------------------------------


def test_the_grid_has_the_points_and_is_even_on_a_logarithmic_axis() -> None:
    values = grid([10**10, 10**8])
    assert values[0] == 10**8
    assert values[-1] == 10**10
    assert values == (10**8, 251188643, 630957344, 1584893192, 3981071706, 10**10)
    assert grid([1, 3, 5]) == (1, 2, 3, 4, 5)
    assert 9 in grid([1, 9, 32])


def test_curves_meet_the_predictions_of_the_points(tmp_path: Path) -> None:
    run = read_sweep(written(tmp_path))
    expected = expectation(run, "resnet50")
    for place in places_of(run):
        for name, cell in place.cells.items():
            curve = expected.curves[name]
            assert cell.predicted is not None
            share = curve.shares[curve.x.index(place.x)]
            assert share == pytest.approx(100 * cell.predicted / place.bound)
    for curve in expected.curves.values():
        assert (curve.drawn, curve.why_not) == (True, "")
        assert all(0 < (share or 0) <= 100 * (1 + 1e-9) for share in curve.shares)


def test_bands_say_what_limits_where(tmp_path: Path) -> None:
    expected = expectation(read_sweep(written(tmp_path)), "resnet50")
    first, second = expected.bands
    assert (first.limits, second.limits) == ("link switch0 - switch1", "compute")
    assert first.right == second.left == pytest.approx(1, rel=0.2)


def test_a_schedule_without_a_prediction_has_no_curve_and_says_why(tmp_path: Path) -> None:
    experiment = swept(BATCHES, ["resnet50"], ["none", "p3"])
    directory = write_sweep(tmp_path / "sweep", experiment, fake_trials(experiment, SHARES))
    record = json.loads((directory / "run.json").read_text())
    record["experiment"]["schedules"] = ["none", "p3", "of-another-version"]
    (directory / "run.json").write_text(json.dumps(record))
    sweep_report = report_sweep(directory)
    assert sweep_report.table.notes == (
        "no prediction of of-another-version: this version does not know it",
    )


# -- the table -------------------------------------------------------------------------------------


def table_lines(table: object, width: int) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=width).print(table)
    return [line.rstrip() for line in text.getvalue().splitlines()]


def test_the_table(tmp_path: Path) -> None:
    sweep_report = report_sweep(written(tmp_path, RATES))
    assert table_lines(sweep_report.table, 100)[:10] == [
        "resnet50, imgs/sec",
        "rate of switch0 - switch1      100 Mbit/s        1 Gbit/s     10 Gbit/s",
        "C/nu                                 0.02            0.18          0.55",
        "limited by                 link switch0 -  link switch0 -      links of",
        "                                  switch1         switch1       workers",
        "bound                         0.117 100 %     1.169 100 %   3.508 100 %",
        "none                         0.0585  50 %     0.585  50 %   1.754  50 %",
        "switch-priority              0.0912  78 %     0.912  78 %   2.736  78 %",
        "fifo                          0.102  87 %     1.017  87 %   3.052  87 %",
        "p3                           0.113  97 %*    1.134  97 %*  3.403  97 %*",
    ]


def test_a_narrow_terminal_has_it_in_pieces(tmp_path: Path) -> None:
    lines = table_lines(report_sweep(written(tmp_path, RATES)).table, 60)
    assert sum(line.startswith("p3 ") for line in lines) == 2
    assert "…" not in "".join(lines)
    assert max(map(len, lines)) <= 60


def test_verdicts_stand_in_it(tmp_path: Path) -> None:
    experiment = swept(BATCHES, ["resnet50"], FOUR)
    trials = fake_trials(experiment, SHARES)
    trials[1][0].idle, trials[9][0].idle = 0.01, 0.1
    sweep_report = report_sweep(write_sweep(tmp_path / "sweep", experiment, trials))
    (line,) = [line for line in table_lines(sweep_report.table, 100) if line.startswith("none")]
    assert "✕0.585" in line
    assert "?5.123" in line


def test_what_is_above_its_bound_is_doubtful_everywhere(tmp_path: Path) -> None:
    experiment = swept(Sweep((Variable("batch", (1,)),)), ["resnet50"], FOUR)
    trials = fake_trials(experiment, {**SHARES, "p3": 1.03})
    directory = write_sweep(tmp_path / "sweep", experiment, trials)
    sweep_report = report_sweep(directory)
    (row,) = [row for row in sweep_report.rows if row["schedule"] == "p3"]
    assert (row["verdict"], row["reasons"]) == ("doubtful", ["faster than its bound: 103 %"])
    assert {row["verdict"] for row in sweep_report.rows if row["schedule"] != "p3"} == {"ok"}
    (line,) = [line for line in table_lines(sweep_report.table, 100) if line.startswith("p3")]
    assert "?1.204 103 %*" in line
    assert b"doubtful" in report(directory / "batch-1").files[-1].read_bytes()


# -- grids, and where schedules pay ----------------------------------------------------------------


GRID_OF_TWO = Sweep(
    (
        Variable("slice", (160_000, 4_000_000), schedules=("p3",)),
        Variable("congestion_control", ("reno", "cubic")),
    )
)


def test_a_grid_has_both_columns_and_a_table_for_each_value_of_the_second(tmp_path: Path) -> None:
    directory = written(tmp_path, GRID_OF_TWO)
    sweep_report = report_sweep(directory)
    lines = list(csv.DictReader((directory / "sweep.csv").open()))
    assert [(line["value"], line["second_value"]) for line in lines[:: len(FOUR)]] == [
        ("160000", "reno"),
        ("4000000", "reno"),
        ("160000", "cubic"),
        ("4000000", "cubic"),
    ]
    assert {(line["variable"], line["second_variable"]) for line in lines} == {
        ("slice", "congestion_control")
    }
    shown = table_lines(sweep_report.table, 100)
    assert shown.count("resnet50, congestion control reno, imgs/sec") == 1
    assert shown.count("resnet50, congestion control cubic, imgs/sec") == 1
    (title, *_) = [line for line in shown if line.startswith("slice of p3")]
    assert title.split() == ["slice", "of", "p3", "160", "kB", "4", "MB"]


def test_a_schedule_is_predicted_as_it_is_at_the_point(tmp_path: Path) -> None:
    places = places_of(read_sweep(written(tmp_path, GRID_OF_TWO)))
    fine, coarse = (place.cells["p3"].predicted for place in places[:2])
    assert fine is not None
    assert coarse is not None
    assert fine > 1.03 * coarse
    assert len({place.cells["fifo"].predicted for place in places}) == 1


def test_where_a_schedule_pays_is_measured_and_predicted(tmp_path: Path) -> None:
    experiment = swept(RATES, ["resnet50"], FOUR)
    trials = fake_trials(experiment, SHARES)
    # 1.74 times the baseline at 100 Mbit/s and 1 Gbit/s, 1 / 1.74 of it at 10 Gbit/s.
    for trial in trials[10**10]:
        if trial.schedule == "fifo":
            trial.imgs_per_sec *= (SHARES["none"] / SHARES["fifo"]) ** 2
    sweep_report = report_sweep(write_sweep(tmp_path / "sweep", experiment, trials))
    (fifo,) = [one for one in sweep_report.pays if one.schedule == "fifo"]
    assert fifo.measured.values == pytest.approx([10**9.5])
    assert fifo.predicted is not None
    assert fifo.predicted.values == ()
    assert sweep_report.table.pays == (
        "resnet50: switch-priority pays everywhere (predicted: up to 1.58 Gbit/s)",
        "resnet50: fifo pays below 3.16 Gbit/s (predicted: everywhere)",
        "resnet50: p3 pays everywhere (predicted: everywhere)",
    )
    assert sweep_report.as_json()["pays"][1]["measured"]["faster_first"]


def test_orders_of_operations_have_memory_peaks_beside_them(tmp_path: Path) -> None:
    orders = Sweep((Variable("order_of_operations", ("framework", "depth-first")),))
    sweep_report = report_sweep(written(tmp_path, orders))
    lines = [line.split() for line in table_lines(sweep_report.table, 100)]
    # A forward pass of resnet50 holds less as its file has the layers; a training differs little.
    assert ["forward,", "MB", "14.85", "16.06"] in lines
    assert ["training,", "MB", "47.37", "48.17"] in lines
    held = {row["point"]: row["forward_outputs_bytes"] for row in sweep_report.rows}
    assert held == {
        "order_of_operations-framework": 14852096,
        "order_of_operations-depth-first": 16056320,
    }
    assert all(row["training_outputs_bytes"] > held[row["point"]] for row in sweep_report.rows)
    assert "forward_outputs_bytes" not in report_sweep(written(tmp_path / "batches")).rows[0]
