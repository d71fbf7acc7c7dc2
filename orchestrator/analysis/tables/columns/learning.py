"""The measures of real training."""

from __future__ import annotations

from orchestrator.analysis.tables.columns.declared import Measure, TableColumn, of, plain


def _tenths(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"


LEARNING: tuple[Measure, ...] = (
    Measure(
        "final_loss",
        trial=of(lambda t: t.learnt.final_loss if t.learnt else None),
        row=lambda r: r.final_loss,
        column=TableColumn(
            "final\nloss",
            lambda r: plain(r.final_loss),
            "of the last iteration's batches (`compute: torch`)",
        ),
    ),
    Measure(
        "accuracy",
        "1",
        of(lambda t: t.learnt.accuracy if t.learnt else None),
        lambda r: r.accuracy,
        TableColumn(
            "accu-\nracy %",
            lambda r: _tenths(r.accuracy),
            "of held-out data, with the last iteration's parameters",
        ),
    ),
    Measure(
        "seconds_to_target_accuracy",
        "s",
        of(lambda t: t.learnt.seconds_to_target if t.learnt else None),
        lambda r: r.seconds_to_target,
        TableColumn(
            "s to\ntarget",
            lambda r: plain(r.seconds_to_target),
            "seconds of the real system from the last worker's first iteration to the first "
            "evaluation that reached `target_accuracy`; empty: a repeat has not reached it",
        ),
    ),
)
"""In the order of the columns of summary.csv."""
