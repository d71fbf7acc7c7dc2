"""From a sweep's directory to its combined files: at the end of a sweep, and by `report`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.analysis.caption import Caption
from orchestrator.analysis.files import write_file
from orchestrator.analysis.reading.records import FailedTrial, Run
from orchestrator.analysis.tables.sweep.curves import Expectation, expectation
from orchestrator.analysis.tables.sweep.files import rows_csv, rows_json, sweep_rows
from orchestrator.analysis.tables.sweep.paying import Paying, paying, paying_lines
from orchestrator.analysis.tables.sweep.rows import Place, SweepRun, places_of, read_sweep
from orchestrator.analysis.tables.sweep.table import SweepTable
from orchestrator.analysis.verdict import LEVELS
from orchestrator.records.directory import RunDirectory

_BATCH = "C/nu: compute over what the fullest link takes; below it the batch"


@dataclass(frozen=True)
class SweepReport:
    """What a sweep has to say.

    Attributes:
        directory: the sweep's directory, where the files were written.
        rows: model x point x schedule, as sweep.json holds them.
        table: renderable for a rich console.
        usable: whether no row is unusable.
        failed: by the point's label, trials that are not in the rows, and why.
        missing: by the point's label, number of planned trials that were never begun.
        not_run: by the point's label, why it has no result at all.
        pays: where every schedule is faster than the baseline.
        files: what was written.
    """

    directory: Path
    rows: tuple[dict[str, Any], ...]
    table: SweepTable
    usable: bool
    failed: Mapping[str, tuple[FailedTrial, ...]]
    missing: Mapping[str, int]
    not_run: Mapping[str, str]
    pays: tuple[Paying, ...]
    files: tuple[Path, ...]

    def as_json(self) -> dict[str, Any]:
        """What a program gets: `--json`."""
        return {
            "run": str(self.directory),
            "rows": self.rows,
            "failed": [
                {"point": label, "trial": failure.directory, "reason": failure.reason}
                for label, failures in self.failed.items()
                for failure in failures
            ],
            "missing": sum(self.missing.values()),
            "points_without_result": dict(self.not_run),
            "pays": [one.as_json() for one in self.pays],
        }


def report_sweep(directory: Path) -> SweepReport:
    """Read a sweep, write sweep.csv, sweep.json, figure.png and figure.svg, and return it all.

    The points' own files are left as they are.

    Raises:
        RunError: run.json is broken, no point has anything to report, or a file cannot be written.
    """
    run = read_sweep(directory)
    places = places_of(run)
    schedules = run.names
    panels = {place.panel: place for place in places}
    expected = {
        panel: expectation(run, place.model, place.values[1:]) for panel, place in panels.items()
    }
    rows = sweep_rows(places)
    pays = paying(run.sweep.first, places, expected)
    first = run.sweep.first
    axis = _BATCH if first.key == "batch" else first.title
    if first.link:
        axis = f"{axis}, both directions"
    # Here, for it takes a second to load, and most of those who import this draw nothing.
    from orchestrator.analysis.render.sweep_figure import draw_sweep

    images = draw_sweep(
        places, expected, schedules, axis, _caption(run, places, expected, pays), pays=pays
    )
    layout = RunDirectory(directory)
    contents = {
        layout.sweep_csv: rows_csv(rows).encode(),
        layout.sweep_json: rows_json(rows).encode(),
        layout.figure_png: images.png,
        layout.figure_svg: images.svg,
    }
    for path, content in contents.items():
        write_file(path, content)
    label = run.sweep.label
    return SweepReport(
        directory=directory,
        rows=rows,
        table=SweepTable(
            first.title,
            places,
            schedules,
            (*_left_out(places), *_notes(run, expected)),
            tuple(paying_lines(first, pays)),
        ),
        usable=all(row["verdict"] != "unusable" for row in rows),
        failed={label(values): one.failed for values, one in run.runs.items()},
        missing={label(values): one.missing for values, one in run.runs.items()},
        not_run={label(values): why for values, why in run.missing.items()},
        pays=pays,
        files=tuple(contents),
    )


def _caption(
    run: SweepRun,
    places: Sequence[Place],
    expected: Mapping[str, Expectation],
    pays: Sequence[Paying],
) -> Caption:
    runs = list(run.runs.values())
    trials = [trial.trial for one in runs for trial in one.trials]
    rows = [cell.row for place in places for cell in place.cells.values()]
    levels = [row.verdict.level for row in rows]
    counts = [f"{levels.count(level)} {level}" for level in LEVELS if level in levels]
    parts = [
        run.base.topology.name,
        f"measured on dmlbed {_words(one.versions.get('dmlbed', '?') for one in runs)}",
        _words(one.switch for one in runs),
        f"R = {_range([trial.scale.rates for trial in trials])}",
        f"D = {_range([trial.scale.time for trial in trials])}",
        f"workers {_range([len(trial.workers) for trial in trials])}",
        f"batch {_range([trial.batch for trial in trials])}",
        f"repeats {_range([row.imgs_per_sec.count for row in rows])}"
        f" of {_range([trial.iterations for trial in trials])} iterations"
        f" after {_range([trial.warm_up for trial in trials])} warm-up"
        f" and before {_range([trial.cool_down for trial in trials])} cool-down",
        f"verdicts: {', '.join(counts)}",
    ]
    text = (
        f"{', '.join(parts)}. Above the bound: the fastest, and beside it what is as fast within "
        "the noise (overlapping intervals; 1.5 % with one repeat); over that, what limits the "
        "bound there."
    )
    crossed = [one for one in pays if one.measured.values]
    notes = _notes(run, expected)
    if crossed:
        notes = (*notes, f"where it pays: {'; '.join(paying_lines(run.sweep.first, crossed))}")
    return Caption(
        f"{run.name}: which schedule wins, by {run.sweep.title}",
        " ".join([text, *(f"{note[0].upper()}{note[1:]}." for note in notes)]),
    )


def _notes(run: SweepRun, expected: Mapping[str, Expectation]) -> tuple[str, ...]:
    notes = [
        f"{run.sweep.text(values)} has no result: {why}" for values, why in run.missing.items()
    ]
    for values, run_of_point in run.runs.items():
        notes += _lost(run.sweep.text(values), run_of_point)
    reasons: dict[str, dict[str, None]] = {}
    for one in expected.values():
        for name, curve in one.curves.items():
            if curve.why_not:
                where = " in places" if curve.drawn else ""
                reasons.setdefault(f"{where}: {curve.why_not}", {})[name] = None
    notes += [f"no prediction of {', '.join(names)}{why}" for why, names in reasons.items()]
    return tuple(notes)


def _left_out(places: Sequence[Place]) -> list[str]:
    return [
        f"{place.text}, {cell.row.choices}, {line}"
        for place in places
        for cell in place.cells.values()
        for line in cell.row.left_out_lines()
    ]


def _lost(text: str, run: Run) -> list[str]:
    lost = len(run.failed) + run.missing
    begun = {trial.trial.index for trial in run.trials}
    return [f"{text}: {lost} of {lost + len(begun)} trials failed or missing"] if lost else []


def _range(values: Sequence[float]) -> str:
    """The value, or the range if they differ."""
    ends = dict.fromkeys((min(values), max(values)))
    return " to ".join(f"{value:g}" for value in ends)


def _words(values: Iterable[str]) -> str:
    return " and ".join(dict.fromkeys(values))
