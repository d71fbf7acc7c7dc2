"""Whether the exchanges of an experiment's schedules fit its network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from orchestrator.errors import Problem
from orchestrator.plugins import OwnCode, PluginError
from orchestrator.spec.checks.queues import least_text, short_queues, why_short
from orchestrator.spec.placement import Placement
from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.class_plan import unfit
from orchestrator.spec.traffic.exchange_demands import demands_under
from orchestrator.spec.traffic.members import too_few_servers
from orchestrator.spec.yaml.document import Document, Loc
from workloads.library import EXCHANGES
from workloads.models.profiles import load_model
from workloads.schedule.library import get_schedule
from workloads.schedule.schedule import Schedule


def check_exchanges(
    document: Document,
    schedules: Mapping[str, Schedule],
    code: OwnCode,
    *,
    listed: Sequence[str],
    models: Sequence[str],
    network: tuple[Topology, Placement],
    switch: str,
) -> None:
    """Adds a problem for each exchange whose demands fail or do not fit a network.

    Args:
        document: of the experiment.
        schedules: its own.
        code: user-defined exchanges.
        listed: the names of those that it runs.
        models: that it trains.
        network: that it runs on.
        switch: their kind.
    """
    places: dict[Loc, Schedule] = {
        ("custom_schedules", name, "exchange"): schedule
        for name, schedule in schedules.items()
        if schedule.exchange in code.exchanges
    }
    for index, name in enumerate(listed):
        schedule = schedules.get(name) or get_schedule(name)
        # One parameter server's demands are those that the topology was checked for.
        if schedule.exchange in EXCHANGES and not schedule.one_server:
            places["schedules", index] = schedule
    for loc, schedule in places.items():
        problems = _problems(schedule, code, models, network, switch)
        message, hint = next(problems, ("", ""))
        if message:
            document.report_at(loc, message, hint)


def check_servers(
    document: Document,
    schedules: Mapping[str, Schedule],
    placement: Placement,
    listed: Sequence[str],
    option: Sequence[str] | None,
) -> list[Problem]:
    """Adds a problem for each schedule that shares the model between more servers than there are.

    Args:
        document: of the experiment.
        schedules: its own.
        placement: of its parts.
        listed: the names of those that the file runs.
        option: those that the command line names instead, if it does.

    Returns:
        The problems of the option.
    """
    problems = []
    more = "name more hosts in `placement: servers`, or give more hosts the role ps"
    none = "name a host in `placement: servers`, or give one the role ps; a ring needs none"
    hint = more if placement.servers else none
    for index, name in enumerate(listed if option is None else option):
        try:
            schedule = schedules.get(name) or get_schedule(name)
        except ValueError:
            continue  # said already
        if why := too_few_servers(placement, schedule):
            if option is None:
                document.report_at(("schedules", index), why, hint)
            else:
                problems.append(Problem("--schedules", why, hint))
    return problems


def _problems(
    schedule: Schedule,
    code: OwnCode,
    models: Sequence[str],
    network: tuple[Topology, Placement],
    switch: str,
) -> Iterator[tuple[str, str]]:
    topology, placement = network
    for model in models:
        try:
            demands = demands_under(schedule, code, topology, placement, load_model(model))
        except PluginError as error:
            yield error.message, error.hint
            continue
        except ValueError as error:
            yield str(error), ""
            continue
        if why := unfit(demands, switch):
            yield f"exchange {schedule.exchange!r}: {why}", ""
        for port, _, least in short_queues(demands):
            yield why_short(demands, port), f"{least_text(least)} in {topology.name}"
