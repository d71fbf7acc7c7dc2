"""Attempts of machines that are not there."""

from __future__ import annotations

from orchestrator.session.scale.calibration import Attempt, Shown, Way


def attempt(
    rates: float,
    *,
    pull: float = 0.98,
    push: float = 0.98,
    idle: float = 0.5,
    first: float | None = None,
    bps: int = 10**9,
    busy: float = 1.0,
    disturbed: str = "",
    taken: float = 0.0,
    shown: Shown | None = None,
) -> Attempt:
    rate = round(bps / rates)
    return Attempt(
        rates=rates,
        pull=Way(rate_bps=rate, share=pull, first=first, busy=busy),
        push=Way(rate_bps=rate, share=push, first=first, busy=busy),
        idle=idle,
        measured="2025-11-21T01:02:03+00:00",
        disturbed=disturbed,
        taken=taken,
        shown=shown,
    )
