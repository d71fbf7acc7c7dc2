"""Bounds and closed forms of iteration times, and what limits a topology.

lower_bound             no schedule of whole pulls and pushes is faster, with and without a barrier
predictions             what schedules are expected to take where all workers share a bottleneck
link_loads, fullest     how long each directed link is busy in an iteration
no_overlap_seconds      an upper estimate: pulls, compute and pushes take turns
bottleneck              the ports that limit one direction together
"""

from orchestrator.bounds.bottleneck import (
    Bottleneck,
    bottleneck,
    first_worker_bps,
    window_bps,
)
from orchestrator.bounds.forms import Prediction, predictions
from orchestrator.bounds.iteration import (
    compute_seconds,
    no_overlap_seconds,
    phase_seconds,
)
from orchestrator.bounds.loads import Goodputs, LinkLoad, fullest, goodput_bps, link_loads
from orchestrator.bounds.lower import LowerBound, lower_bound

__all__ = [
    "Bottleneck",
    "Goodputs",
    "LinkLoad",
    "LowerBound",
    "Prediction",
    "bottleneck",
    "compute_seconds",
    "first_worker_bps",
    "fullest",
    "goodput_bps",
    "link_loads",
    "lower_bound",
    "no_overlap_seconds",
    "phase_seconds",
    "predictions",
    "window_bps",
]
