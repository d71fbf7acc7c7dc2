"""What the trials of a run have shown of its scale, so that later calibrations know it.

A calibration asks for more than trials do, and for seconds only. Trials that were ok under strict
priority at the switches have shown that the machine carries their scale; trials that had too little
idle time, or links that carried less than their rate, with nobody else to blame, that it does not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from orchestrator.analysis import Summary, TrialMeasure
from orchestrator.records.goodput import GoodputRecord
from orchestrator.session.scale.cache import CalibrationCache
from orchestrator.session.scale.calibration import NEEDED_IDLE, NEEDED_SHARE, Attempt, Shown

ORDERED_SHARE = 0.9
"""Of what moved until the first worker was done, the largest part of a worker: under strict
priority it is nearly all, without it a little more than an equal part."""


def evidence_of(
    summary: Summary, goodput: GoodputRecord, by_switch: Collection[str]
) -> Shown | None:
    """What a run has shown of its scale; None if it has shown nothing that is sure.

    Args:
        summary: of its trials.
        goodput: what its links carried.
        by_switch: names of the schedules with an order at the switches.
    """
    # What programs compute says nothing of what the testbed needs.
    trials = [one for row in summary.rows for one in row.trials if not one.program]
    idle = [trial.idle_mean for trial in trials if trial.idle_mean is not None]
    if not goodput.ports or not trials or len(idle) < len(trials):
        return None
    if any(trial.use is None or trial.disturbances for trial in trials):
        return None
    evidence = Shown(
        trials=len(trials),
        idle=min(idle),
        goodput=min(port.share for port in goodput.ports),
    )
    left_out = any(row.left_out for row in summary.rows)
    if evidence.goodput < NEEDED_SHARE:
        # Who disturbed a trial may have disturbed the measurement before it.
        return None if left_out else evidence
    if evidence.idle < NEEDED_IDLE:
        return evidence
    ordered = [trial for trial in trials if trial.schedule in by_switch and _ordered(trial)]
    ok = all(row.verdict.level == "ok" for row in summary.rows)
    return evidence if ok and ordered else None


def learn(
    calibration: Mapping[str, Any] | None, evidence: Shown | None, cache: CalibrationCache
) -> None:
    """Remember what was shown, with the calibration that a run was settled by."""
    if calibration is None or evidence is None:
        return
    attempts = map(Attempt.model_validate, calibration.get("attempts") or ())
    chosen = [one for one in attempts if one.rates == calibration.get("chosen")]
    if not chosen:
        return  # links so slow that no machine is asked
    with suppress(OSError):  # a calibration that is not remembered says so
        cache.remember(
            calibration["key"], [one.model_copy(update={"shown": evidence}) for one in chosen]
        )


def _ordered(trial: TrialMeasure) -> bool:
    """Whether one worker after the other was served, in both directions."""
    ways = (trial.pull_shares, trial.push_shares)
    return all(way is not None and way.largest >= ORDERED_SHARE for way in ways)
