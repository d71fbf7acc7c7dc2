"""One trial: set the schedule's classes, let the processes train, keep what everything recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.deployment import Deployment
from orchestrator.emulation.limits.idle import IdleSampler
from orchestrator.emulation.limits.use import UseSampler, use_record
from orchestrator.emulation.ports.counters import network_record
from orchestrator.errors import RunError
from orchestrator.records.directory import NETWORK, TRIAL, process_file
from orchestrator.records.network import ControllerRecord, NetworkRecord
from orchestrator.records.trial import ScaleRecord, TrialRecord
from orchestrator.session.plan.jobs import plans_of_trial, programs_of
from orchestrator.session.plan.trials import Trial
from orchestrator.session.store.results import json_file
from orchestrator.session.testbed.protocol import Testbed
from orchestrator.spec import Experiment
from workloads.library import IDENTITY


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        trial: what was tried, and how it ended (trial.json).
        network: the network's record (network.json).
        records: per process name, its JSONL records; empty if the trial failed.
    """

    trial: TrialRecord
    network: NetworkRecord
    records: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def error(self) -> str | None:
        """Why it failed; None if it finished."""
        return self.trial.error

    def files(self) -> dict[str, bytes]:
        """The files of the trial's directory."""
        return {
            TRIAL: json_file(self.trial.as_json()),
            NETWORK: json_file(self.network.as_json()),
            **{process_file(name): content for name, content in self.records.items()},
        }


def run_trial(
    experiment: Experiment,
    trial: Trial,
    testbed: Testbed,
    deployment: Deployment,
    on_event: Callable[[str, Mapping[str, Any]], None],
) -> Outcome:
    """Run one trial on a testbed.

    Args:
        on_event: called with a host's name and each event of its process.

    Raises:
        RunError: the network could not be set as asked, or is gone. (A process or an order that
            fails ends the trial with an outcome, not with an exception.)
    """
    first_host: list[str] = []

    def heard(host: str, event: Mapping[str, Any]) -> None:
        # The parameter server's iterations, or where there is none the first worker's.
        if first_host[:1] == [host]:
            meter.event(event)
        on_event(host, event)

    started, started_ns = time.monotonic(), time.monotonic_ns()
    demands = experiment.demands(trial.schedule, trial.model)
    shapes = testbed.set_schedule(experiment.schedule(trial.schedule), demands)
    before = testbed.counters()
    first = experiment.warm_up
    meter = testbed.meter(first, first + experiment.iterations - 1)
    error: str | None = None
    records: dict[str, bytes] = {}
    use = UseSampler()
    with IdleSampler(threads=testbed.switch_threads, use=use) as sampler:
        try:
            plans = plans_of_trial(experiment, trial, testbed.addresses)
            first_host.extend(plans)
            records = deployment.run(
                plans.values(),
                on_event=heard,
                watch=testbed.check,
            )
        except RunError as caught:
            error = str(caught)
    try:
        after = testbed.counters()
    except RunError as gone:
        # The testbed itself is gone; what the processes said of it must not be.
        raise RunError("\n".join([str(gone), *([] if error is None else [error])])) from gone
    caps, killed = meter.finish()
    if error is not None:
        # The reason before what it looks like from outside: a signal, a lost connection.
        error = "\n".join([*killed, error])
    network = NetworkRecord(
        **dict(network_record(shapes, before, after)),
        switch=testbed.switch_kind,
        controller=ControllerRecord(losses=tuple(testbed.losses(started_ns))),
        cpu=tuple(sampler.samples),
        switch_cpu=tuple(sampler.switch_samples),
        use=use_record(use.samples),
        caps=caps,
        caps_notes=tuple(testbed.notes()),
        kept_differs=tuple(testbed.differences()),
        commands=tuple(tuple(command) for shape in shapes for command in shape.commands()),
    )
    seconds = time.monotonic() - started
    record = trial_record(experiment, trial, error, seconds, testbed.switch_kind)
    return Outcome(record, network, records)


def trial_record(
    experiment: Experiment, trial: Trial, error: str | None, seconds: float, switch: str
) -> TrialRecord:
    """What trial.json says of a trial.

    Args:
        experiment: that it belongs to.
        trial: what was tried.
        error: why it failed; None: it finished.
        seconds: that it took on the clock, start and end of the processes included.
        switch: the kind of the switches.
    """
    placement, schedule = experiment.placement, experiment.schedule(trial.schedule)
    demands = experiment.demands(trial.schedule, trial.model)
    # How many bytes a codec makes of them is not known.
    known = demands.declared and schedule.codec == IDENTITY
    return TrialRecord(
        index=trial.index,
        choices=trial.choices,
        repeat=trial.repeat,
        attempt=trial.attempt,
        outcome="finished" if error is None else "failed",
        error=error,
        seconds=seconds,
        communication=schedule,
        ps=placement.server if _is_served(experiment, trial.schedule) else None,
        demands=demands.all if known else None,
        workers=placement.workers,
        batch=experiment.batch,
        iterations=experiment.iterations,
        warm_up=experiment.warm_up,
        cool_down=experiment.cool_down,
        scale=ScaleRecord(rates=experiment.scale.rates, time=experiment.scale.time),
        switch=switch,
        target_accuracy=experiment.learning.target_accuracy,
    )


def _is_served(experiment: Experiment, schedule: str) -> bool:
    """Whether our parameter server runs under a schedule, whose records are known."""
    placement, exchange = experiment.placement, experiment.schedule(schedule).exchange
    programs = programs_of(exchange, experiment.own_code, placement.servers, ())
    return programs.get(placement.server) == "server"
