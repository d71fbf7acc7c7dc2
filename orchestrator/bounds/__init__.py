"""Closed forms of iteration times from topology and model."""

from orchestrator.bounds.iteration import (
    compute_seconds,
    goodput_bps,
    no_overlap_seconds,
    phase_seconds,
)

__all__ = ["compute_seconds", "goodput_bps", "no_overlap_seconds", "phase_seconds"]
