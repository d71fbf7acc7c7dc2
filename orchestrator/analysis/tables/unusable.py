"""Which figures of a run may not be used, whose fault that is, and what to do (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.analysis.measures.machine.disturbance import NO_IDLE_MEAN
from orchestrator.analysis.measures.measure import TrialMeasure
from orchestrator.analysis.tables.row import Row
from orchestrator.analysis.verdict import judge_trial
from orchestrator.spec.values.text import counted

_NAMED = 3


def why_unusable(rows: Sequence[Row]) -> str:
    """In a line, for whoever reads only the last one of a run."""
    bad = [row for row in rows if row.verdict.level == "unusable"]
    named = [row.choices.sentence for row in bad[:_NAMED]]
    if len(bad) > _NAMED:
        named.append(f"{len(bad) - _NAMED} more")
    start = f"{len(bad)} of {counted(len(rows), 'row')} may not be used ({', '.join(named)}): "
    if not all(map(_taken, bad)):
        return f"{start}see the verdicts"
    worst = max((trial for row in bad for trial in row.trials), key=_taken_share)
    return (
        f"{start}in every attempt others had the CPUs that these trials needed (the worst: "
        f"{'; '.join(worst.disturbances)}). Run it again when they have ended; `retries` in the "
        "experiment's file lets trials wait longer for a quiet machine"
    )


def _taken(row: Row) -> bool:
    """Whether only others made a row unusable."""
    bad = [trial for trial in row.trials if judge_trial(trial).level == "unusable"]
    return bool(bad) and all(
        trial.disturbances
        and trial.use is not None
        and trial.idle_mean is not None
        and trial.idle_mean < NO_IDLE_MEAN <= trial.idle_mean + trial.use.taken_share
        for trial in bad
    )


def _taken_share(trial: TrialMeasure) -> float:
    return trial.use.taken_share if trial.use else 0.0
