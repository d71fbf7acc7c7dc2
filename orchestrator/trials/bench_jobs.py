"""The jobs of a bench: its two measurements between the parameter server and one worker (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from orchestrator.records.bench import BenchRecord
from orchestrator.spec import Experiment, Flow, flow_path
from orchestrator.trials.jobs import build_jobs
from orchestrator.trials.plan import Trial
from orchestrator.trials.slow_links import patience_seconds
from workloads.models.profiles import load_model
from workloads.programs.urgent import GAP_SECONDS
from workloads.schedule.library import get_schedule
from workloads.schedule.units import Layout

MODEL = "resnet50"
"""Whose slices are sent: the median of the library in size."""
SCHEDULE = "p3"
"""Whose send queue and slices are measured."""
RAMP_SECONDS = 1.0
"""Left out at the beginning of flows: windows grow, and buffers fill."""
_MARGIN_SECONDS = 0.3  # so that no flow ends within the time that is measured


def bench_record(experiment: Experiment, seconds: float, samples: int) -> BenchRecord:
    """What is measured between whom: the first worker of the topology, over its own link."""
    topology, scale = experiment.topology, experiment.scale
    worker = topology.workers[0].name
    layout = Layout(load_model(MODEL), scale.rates, scale.time, get_schedule(SCHEDULE).slice_bytes)
    return BenchRecord(
        server=topology.ps.name,
        worker=worker,
        ramp_seconds=RAMP_SECONDS,
        seconds=seconds,
        samples=samples,
        rates=scale.rates,
        link_bps=scale.rate(flow_path(topology, Flow(worker, "push"))[0].rate_bps),
        slice_bytes=max(unit.length for unit in layout.units),
    )


def measuring_seconds(
    experiment: Experiment, what: BenchRecord, mode: Literal["calibrate", "urgent"]
) -> float:
    """How long a measurement lasts, in seconds on the clock."""
    if mode == "calibrate":
        return what.ramp_seconds + what.seconds + _MARGIN_SECONDS
    # Enough of the longest gaps; what comes after the samples asked for is left out.
    return (what.samples + 1) * experiment.scale.seconds(GAP_SECONDS[1]) + _MARGIN_SECONDS


def bench_jobs(
    experiment: Experiment,
    what: BenchRecord,
    addresses: Mapping[str, str],
    mode: Literal["calibrate", "urgent"],
) -> dict[str, dict[str, Any]]:
    """Two jobs: those of a trial under P3, but to measure, and of one worker only."""
    jobs = build_jobs(experiment, Trial(1, MODEL, SCHEDULE, 1), addresses)
    changes = {
        "mode": mode,
        "seconds": measuring_seconds(experiment, what, mode),
        "silence_seconds": patience_seconds(experiment),
        "workers": [what.worker],
    }
    all_workers = jobs[what.server]
    per_worker = ("answer_ranks", "send_buffer_bytes")
    server = {**all_workers, **{key: all_workers[key][:1] for key in per_worker}}
    worker = jobs[what.worker]
    return {what.server: {**server, **changes}, what.worker: {**worker, **changes}}
