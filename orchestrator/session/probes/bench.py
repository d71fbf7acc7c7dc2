"""The probes of a bench: two measurements between the parameter server and one worker (pure)."""

from __future__ import annotations

import math
from typing import Literal

from orchestrator.records.bench import BenchRecord
from orchestrator.session.plan.slow_links import RAMP_SECONDS, patience_seconds
from orchestrator.session.probes.probe import Probe
from orchestrator.spec import Experiment
from workloads.models.profiles import load_model
from workloads.programs.urgent import GAP_SECONDS
from workloads.schedule.library import get_schedule
from workloads.schedule.units import Layout

MODEL = "resnet50"
"""Whose slices are sent: the median of the library in size."""
SCHEDULE = "p3"
"""Whose send queue and slices are measured."""


def bench_record(experiment: Experiment, seconds: float, samples: int) -> BenchRecord:
    """What is measured between whom: the first worker of the topology, over its own link."""
    exchange, scale = experiment.probed.exchange, experiment.scale
    worker = exchange.workers[0]
    own = exchange.demands.paths[exchange.demand("push", worker)][0]
    layout = Layout(load_model(MODEL), scale.rates, scale.time, get_schedule(SCHEDULE).slice_bytes)
    return BenchRecord(
        server=exchange.server,
        worker=worker,
        # iperf3 takes whole seconds.
        ramp_seconds=math.ceil(RAMP_SECONDS),
        seconds=seconds,
        samples=samples,
        rates=scale.rates,
        link_bps=scale.rate(own.rate_bps),
        slice_bytes=max(unit.length for unit in layout.units),
    )


def bench_probe(
    experiment: Experiment, what: BenchRecord, kind: Literal["traffic", "urgent"]
) -> Probe:
    """The server and one worker under P3: their goodput, or how long urgent units wait."""
    if kind == "traffic":
        seconds = what.ramp_seconds + what.seconds
    else:
        # Enough of the longest gaps; what comes after the samples asked for is left out.
        seconds = (what.samples + 1) * experiment.scale.seconds(GAP_SECONDS[1])
    demands, buffers = experiment.probed.exchange.demands, experiment.socket_buffers
    patience = patience_seconds(demands, buffers, experiment.scale)
    return Probe(MODEL, SCHEDULE, seconds, patience, kind, workers=(what.worker,))
