"""Lines of summary.csv of the jobs that ran beside a trial."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.analysis.measures.beside import BesideMeasure
from orchestrator.analysis.tables.columns.declared import JudgedTrial, Value
from orchestrator.analysis.verdict import Verdict
from orchestrator.spec import IMGS_PER_SEC

BESIDE_COLUMNS = ("offered_bps", "delivered_bps", "loss_pct")
"""That only they have, behind all others."""


def beside_lines(trial: JudgedTrial) -> Iterator[dict[str, Value]]:
    """One for each job that ran beside a trial; their `beside` says beside what."""
    return (_line(trial, one) for one in trial.measure.beside)


def _line(trial: JudgedTrial, one: BesideMeasure) -> dict[str, Value]:
    measure, training = trial.measure, one.job.training
    errors = (f"it failed: {one.error}",) if one.error else ()
    verdict = Verdict(trial.verdict.unusable, (*errors, *trial.verdict.doubtful))
    figure, share = one.imgs_per_sec, one.loss_share
    return {
        "index": measure.index,
        "repeat": measure.repeat,
        "attempt": measure.attempt,
        "counted": "yes" if trial.counted else "no",
        "job": one.job.name,
        "beside": str(measure.choices),
        "model": training.model if training else None,
        "schedule": (training.schedule or measure.choices.schedule) if training else None,
        "program": one.job.program,
        "verdict": verdict.level,
        "reasons": "; ".join(verdict.reasons),
        "imgs_per_sec": figure if one.unit == IMGS_PER_SEC else None,
        "throughput": figure,
        "unit": None if figure is None else one.unit,
        "fullest_link": one.fullest.port if one.fullest else None,
        "fullest_link_mean": one.fullest.mean if one.fullest else None,
        "fullest_link_full_time": one.fullest.full if one.fullest else None,
        "scale_rates": measure.scale_rates,
        "scale_time": measure.scale_time,
        "switch": measure.switch,
        "offered_bps": one.offered_bps,
        "delivered_bps": one.delivered_bps,
        "loss_pct": None if share is None else 100 * share,
    }
