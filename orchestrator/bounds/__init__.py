"""Closed forms of iteration times from topology and model, and what limits a topology."""

from orchestrator.bounds.bottleneck import (
    Bottleneck,
    bottleneck,
    first_worker_bps,
    window_bps,
)
from orchestrator.bounds.iteration import (
    compute_seconds,
    goodput_bps,
    no_overlap_seconds,
    phase_seconds,
)

__all__ = [
    "Bottleneck",
    "bottleneck",
    "first_worker_bps",
    "compute_seconds",
    "goodput_bps",
    "no_overlap_seconds",
    "phase_seconds",
    "window_bps",
]
