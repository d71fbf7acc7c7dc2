"""The processes of the jobs beside the measured one, and when it may start (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import ceil
from typing import Any

from orchestrator.deployment import After, ProcessPlan
from orchestrator.predict import lower_bound
from orchestrator.session.plan.jobs import Work, plans_of
from orchestrator.session.plan.process import workload_process
from orchestrator.session.plan.programs import program_plans
from orchestrator.session.plan.slow_links import SILENCE_MARGIN_SECONDS
from orchestrator.session.plan.trials import Trial, iteration_seconds
from orchestrator.spec import Demands, Experiment, Neighbour, Traffic, emulated_send_bytes

SPARE_ITERATIONS = 5
"""Of a training beside: more than the measured job can outlast it by."""


@dataclass(frozen=True)
class JobProcesses:
    """A job on its hosts.

    Attributes:
        plans: its processes.
        ready: what has happened when it is under way.
    """

    plans: tuple[ProcessPlan, ...]
    ready: After


@dataclass(frozen=True)
class Hosts:
    """What processes are told of their hosts.

    Attributes:
        addresses: of every host on the data network.
        interfaces: its device there.
        binaries: folder of the hosts' Python.
    """

    addresses: Mapping[str, str]
    interfaces: Mapping[str, str]
    binaries: str


def company_of(experiment: Experiment, trial: Trial, hosts: Hosts) -> dict[str, JobProcesses]:
    """The jobs beside a trial's own, by name.

    Raises:
        RunError: the order of a schedule fails.
    """
    network = experiment.demands_together(trial.schedule, trial.model)
    return {
        name: _beside(experiment, job, trial, hosts, network)
        for name, job in experiment.jobs.items()
    }


def after_company(
    plans: Mapping[str, ProcessPlan], company: Mapping[str, JobProcesses]
) -> dict[str, ProcessPlan]:
    """A trial's own processes, which start when all jobs beside are under way."""
    ready = tuple(job.ready for job in company.values())
    return {name: replace(plan, after=(*plan.after, *ready)) for name, plan in plans.items()}


def _beside(
    experiment: Experiment,
    job: Neighbour,
    trial: Trial,
    hosts: Hosts,
    network: Demands,
) -> JobProcesses:
    if job.traffic is not None:
        processes = _traffic(experiment, job, trial, hosts.addresses, network)
    elif job.training is not None:
        processes = _training(experiment, job, trial, hosts.addresses, network)
    else:
        processes = _program(experiment, job, hosts)

    def named(process: str) -> str:
        return f"{job.name}.{process}"

    plans = tuple(
        replace(
            plan,
            name=named(plan.name),
            after=tuple(replace(one, process=named(one.process)) for one in plan.after),
            # It may be starved, and is ended with the measured job at the latest.
            silence_seconds=None,
            heartbeat=False,
        )
        for plan in processes.plans
    )
    return JobProcesses(plans, replace(processes.ready, process=named(processes.ready.process)))


def _training(
    experiment: Experiment,
    job: Neighbour,
    trial: Trial,
    addresses: Mapping[str, str],
    network: Demands,
) -> JobProcesses:
    own = experiment.of_job(job.name, trial.schedule)
    (model,), (schedule,) = own.models, own.schedules
    bound = lower_bound(own.exchange, own.model(model), own.devices, own.batch)
    averages = own.schedule(schedule).averages
    least = own.scale.seconds(bound.compute_seconds if averages else bound.seconds)
    # It ends when the measured job does, so it must not have done its iterations before.
    count = ceil(trial.seconds / least) + SPARE_ITERATIONS
    lasting = replace(own, warm_up=0, iterations=count, cool_down=0)
    work = Work(
        model,
        schedule,
        trial.seconds + SILENCE_MARGIN_SECONDS,
        trial.repeat,
        port=job.port,
        network=network,
    )
    first, *_ = own.placement.workers
    slowest = iteration_seconds(own, model, schedule) * (2 + len(experiment.jobs))
    plans = plans_of(lasting, work, addresses)
    plans[first] = replace(plans[first], start_seconds=plans[first].start_seconds + slowest)
    return JobProcesses(tuple(plans.values()), After(first, "event", "iteration"))


def _program(experiment: Experiment, job: Neighbour, hosts: Hosts) -> JobProcesses:
    program = experiment.programs[job.program or ""]
    plans = tuple(
        program_plans(
            program,
            experiment.scale,
            addresses=hosts.addresses,
            interfaces=hosts.interfaces,
            binaries=hosts.binaries,
            number=job.number,
        ).values()
    )
    first = replace(plans[0], start_seconds=program.start_seconds)
    ready = After(first.name)
    if program.ready is not None:
        ready = After(first.name, "printed", program.ready)
    return JobProcesses((first, *plans[1:]), ready)


def _traffic(
    experiment: Experiment,
    job: Neighbour,
    trial: Trial,
    addresses: Mapping[str, str],
    network: Demands,
) -> JobProcesses:
    """A source and its receiver, until they are ended."""
    traffic, scale = job.traffic, experiment.scale
    assert traffic is not None
    (demand,) = job.demands(experiment.topology)
    buffers = experiment.socket_buffers
    receive = scale.receive_buffer_bytes(buffers.receive_bytes(network))
    send = emulated_send_bytes(network, demand, buffers, scale)
    told = {
        "transport": traffic.transport,
        "scale": {"rates": scale.rates, "time": scale.time},
    }
    sending = {
        **told,
        "pattern": pattern_section(traffic),
        "repeat": trial.repeat - 1,
        "seconds": None,
    }

    receiver = {"address": addresses[traffic.destination], "port": job.port}

    def process(host: str, program: str, section: Mapping[str, Any], *after: After) -> ProcessPlan:
        envelope = {
            "host": host,
            "program": program,
            "seed": experiment.seed,
            "congestion_control": experiment.congestion_control,
            "endpoints": {
                "server": traffic.destination,
                "peers": {traffic.destination: receiver},
                "bind": addresses[host],
                "receive_buffer_bytes": receive,
                "send_buffer_bytes": [send],
                "flow_dscp": [0],
            },
            "limits": {"silence_seconds": trial.seconds + SILENCE_MARGIN_SECONDS},
            "section": section,
        }
        return workload_process(envelope, silence_seconds=SILENCE_MARGIN_SECONDS, after=after)

    sink = process(traffic.destination, "sink", told)
    source = process(
        traffic.source,
        "generator",
        sending,
        After(sink.name, "event", "listening"),
    )
    return JobProcesses((sink, source), After(source.name, "event", "sending"))


def pattern_section(traffic: Traffic) -> dict[str, Any]:
    """When traffic is sent, as its source is told."""
    pattern = asdict(traffic.pattern)
    return {**pattern, "sizes": {**pattern["sizes"], "values": list(traffic.pattern.sizes.values)}}
