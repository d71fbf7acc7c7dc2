"""Whether the exchanges of an experiment's own schedules fit its network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from orchestrator.plugins import OwnCode, PluginError
from orchestrator.spec.checks.queues import least_text, short_queues, why_short
from orchestrator.spec.placement import Placement
from orchestrator.spec.sweep import Sweep, with_workers
from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.class_plan import unfit
from orchestrator.spec.traffic.exchange_demands import demands_under
from orchestrator.spec.yaml.document import Document
from workloads.models.profiles import load_model
from workloads.schedule.library import Schedule


def check_exchanges(
    document: Document,
    schedules: Mapping[str, Schedule],
    code: OwnCode,
    *,
    models: Sequence[str],
    networks: Iterable[tuple[Topology, Placement]],
    switch: str,
) -> None:
    """Adds a problem for each user-defined exchange whose demands fail or do not fit a network."""
    known = tuple(networks)
    for name, schedule in schedules.items():
        if schedule.exchange in code.exchanges:
            problems = _problems(schedule, code, models, known, switch)
            message, hint = next(problems, ("", ""))
            if message:
                document.report_at(("custom_schedules", name, "exchange"), message, hint)


def networks_of(
    topology: Topology, placement: Placement, sweep: Sweep | None
) -> tuple[tuple[Topology, Placement], ...]:
    """The networks that an experiment runs on, as far as who sends to whom may differ."""
    if sweep is None or sweep.variable != "workers":
        return ((topology, placement),)
    return tuple(with_workers(topology, placement, workers) for workers in sweep.values)


def _problems(
    schedule: Schedule,
    code: OwnCode,
    models: Sequence[str],
    networks: Iterable[tuple[Topology, Placement]],
    switch: str,
) -> Iterator[tuple[str, str]]:
    for topology, placement in networks:
        for model in models:
            try:
                demands = demands_under(schedule, code, topology, placement, load_model(model))
            except PluginError as error:
                yield error.message, error.hint
                continue
            if why := unfit(demands, switch):
                yield f"exchange {schedule.exchange!r}: {why}", ""
            for port, _, least in short_queues(demands):
                yield why_short(demands, port), f"{least_text(least)} in {topology.name}"
