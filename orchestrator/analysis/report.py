"""From a run directory to its summary files: used at the end of `run`, and by `report`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.analysis.caption import Caption
from orchestrator.analysis.files import write_file
from orchestrator.analysis.measures.measure import TrialMeasure
from orchestrator.analysis.reading.records import FailedTrial, Run, read_run
from orchestrator.analysis.tables.columns.units import heading
from orchestrator.analysis.tables.items import in_items
from orchestrator.analysis.tables.job_row import job_json
from orchestrator.analysis.tables.summary import Summary, summarise
from orchestrator.analysis.tables.summary_files import row_json, rows_json, trials_csv
from orchestrator.analysis.tables.table import SummaryTable
from orchestrator.analysis.tables.unusable import why_unusable
from orchestrator.analysis.verdict import LEVELS, Level, worst
from orchestrator.records.directory import RunDirectory


@dataclass(frozen=True)
class Report:
    """What a run has to say.

    Attributes:
        directory: the run's directory, where the files were written.
        rows: one per combination of choices, in the order of the experiment, as summary.json
            holds them.
        summary: the same with all measures, and the trials.
        table: renderable for a rich console.
        failed: attempts at trials that are not in the rows, and why.
        missing: number of planned trials that were never begun.
        level: the worst verdict of the rows.
        files: what was written.
    """

    directory: Path
    rows: tuple[dict[str, Any], ...]
    summary: Summary
    table: SummaryTable
    failed: tuple[FailedTrial, ...]
    missing: int
    level: Level
    files: tuple[Path, ...]

    def as_json(self) -> dict[str, Any]:
        """What a program gets: `--json`."""
        return {
            "run": str(self.directory),
            "rows": self.rows,
            "failed": [
                {"trial": failure.directory, "reason": failure.reason} for failure in self.failed
            ],
            "missing": self.missing,
        }

    @property
    def why_unusable(self) -> str:
        """In a line which figures may not be used, and what to do."""
        return why_unusable(self.summary.rows)

    @property
    def usable(self) -> bool:
        """Whether no row is unusable; doubtful ones are for a person to judge."""
        return self.level != "unusable"


def report(directory: Path) -> Report:
    """Read a run, write summary.csv, summary.json, figure.png and figure.svg, and return it all.

    Each file is replaced as a whole or not at all.

    Raises:
        InputError: the directory is not that of a run.
        RunError: run.json is broken, no trial can be measured, or a file cannot be written.
    """
    run = read_run(directory)
    summary = summarise(run)
    # Here, for it takes a second to load, and most of those who import this draw nothing.
    from orchestrator.analysis.render.figure import draw

    shown = replace(summary, rows=in_items(summary.rows, run.experiment))
    images = draw(shown.rows, caption(run, shown))
    layout = RunDirectory(directory)
    contents = {
        layout.summary_csv: trials_csv(summary, run.failed).encode(),
        layout.summary_json: rows_json(summary.rows, summary.jobs).encode(),
        layout.figure_png: images.png,
        layout.figure_svg: images.svg,
    }
    if any(trial.learnt for row in summary.rows for trial in row.trials):
        from orchestrator.analysis.render.learning_figure import draw_learning

        images = draw_learning(summary.rows, learning_caption(run, summary))
        contents |= {layout.learning_png: images.png, layout.learning_svg: images.svg}
    for path, content in contents.items():
        write_file(path, content)
    return Report(
        directory=directory,
        rows=(*map(row_json, summary.rows), *map(job_json, summary.jobs)),
        summary=summary,
        table=SummaryTable(shown.rows, _notes(run), summary.jobs, summary.links),
        failed=run.lost,
        missing=run.missing,
        level=worst(row.verdict.level for row in summary.rows),
        files=tuple(contents),
    )


def caption(run: Run, summary: Summary) -> Caption:
    """Title and caption of a run's figure."""
    trials = summary.trials
    trained = [trial for trial in trials if not trial.program]
    left_out = sum(len(row.left_out) for row in summary.rows)
    beside = list(dict.fromkeys(row.job.name for row in summary.jobs))
    parts = [
        f"measured on dmlbed {run.versions.get('dmlbed', '(unknown version)')}",
        run.switch,
        f"R = {_values(trial.scale_rates for trial in trials)}",
        f"D = {_values(trial.scale_time for trial in trials)}",
        *_training_parts(trained, _count((r.imgs_per_sec.count for r in summary.rows), "repeat")),
        *([f"jobs beside: {_list(beside)}"] if beside else []),
        *([f"without {_count([left_out], 'disturbed trial')}"] if left_out else []),
        _verdicts(summary),
    ]
    if run.forced:
        parts.append(run.forced.reason)
    lost = len(run.lost) + run.missing
    if lost:
        tried = lost + len({trial.index for trial in trials})
        parts.append(f"{lost} of {tried} trials failed or missing")
    name = run.experiment.get("name") or run.directory.parent.name
    compared = list(dict.fromkeys(row.choices.compared for row in summary.rows))
    schedules = [one for one in compared if one in {row.schedule for row in summary.rows}]
    programs = [one for one in compared if one not in schedules]
    unit = heading({row.unit for row in summary.rows})
    by = [
        *([f"under {_list(schedules)}"] if schedules else []),
        *([f"of {_list(programs)}"] if programs else []),
    ]
    how = " and ".join(by) if len(compared) <= 3 else "by schedule and program"
    return Caption(
        f"{name}: {unit} {how if programs or len(compared) <= 3 else 'by schedule'}",
        ", ".join(parts) + ".",
    )


def _training_parts(trials: Sequence[TrialMeasure], repeats: str) -> list[str]:
    """What a caption says of the trainings; of a run without any only the repeats."""
    if not trials:
        return [repeats]
    return [
        _count((trial.workers for trial in trials), "worker"),
        f"batch {_values(trial.batch for trial in trials)}",
        f"{repeats} of"
        f" {_count((trial.iterations for trial in trials), 'iteration')}"
        f" after {_values(trial.warm_up for trial in trials)} warm-up"
        f" and before {_values(trial.cool_down for trial in trials)} cool-down",
        f"congestion control {' and '.join(sorted({t.congestion_control for t in trials}))}",
    ]


def learning_caption(run: Run, summary: Summary) -> Caption:
    """Title and caption of the figure of real training."""
    drawn = caption(run, summary)
    name = run.experiment.get("name") or run.directory.parent.name
    how = (
        "Loss: mean over the workers' batches, at the end of each iteration. Accuracy: of the "
        "parameters that the first worker had then, judged after the training. "
    )
    return Caption(
        f"{name}: loss and held-out accuracy against time",
        f"{how}{drawn.text[:1].upper()}{drawn.text[1:]}",
    )


def _verdicts(summary: Summary) -> str:
    levels = [row.verdict.level for row in summary.rows]
    if set(levels) == {"ok"}:
        return "verdict ok"
    counts = [f"{levels.count(level)} {level}" for level in LEVELS if level in levels]
    return f"verdict of {_count([len(levels)], 'bar')}: {', '.join(counts)}"


def _notes(run: Run) -> tuple[str, ...]:
    notes = [f"not reported: {failure}" for failure in run.lost]
    if run.missing:
        trials = "trial was" if run.missing == 1 else "trials were"
        notes.append(f"{run.missing} planned {trials} not run")
    if run.goodput:
        notes.extend(run.goodput.notes())
    return tuple(notes)


def _count(values: Iterable[int], noun: str) -> str:
    text = _values(values)
    return f"{text} {noun}" if text == "1" else f"{text} {noun}s"


def _values(values: Iterable[float]) -> str:
    """The value, or the range if they differ."""
    ordered = sorted(set(values))
    return " to ".join(f"{value:g}" for value in dict.fromkeys((ordered[0], ordered[-1])))


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
