"""One trial: set the schedule's classes, let the processes train, keep what everything recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.deployment import Company, Deployment, Printed
from orchestrator.emulation.limits.capped import CapsMeter
from orchestrator.emulation.ports.shaping import PortShape
from orchestrator.records.trial import ScaleRecord, TrialRecord
from orchestrator.session.inner.company import Neighbours
from orchestrator.session.inner.observed import Outcome, observed
from orchestrator.session.inner.program_trial import run_program
from orchestrator.session.plan.jobs import plans_of_trial, programs_of
from orchestrator.session.plan.trials import Trial
from orchestrator.session.testbed.protocol import Testbed
from orchestrator.spec import Demands, Experiment


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
    if trial.program:
        return run_program(experiment, trial, testbed, deployment, on_event)

    shares_links = bool(experiment.jobs)
    if trial.choices.job:
        experiment = experiment.of_job(trial.choices.job, trial.schedule)
    accompanied = experiment.accompanied(trial.choices)
    beside: Neighbours | None = None
    shipped: int | None = None

    def shape() -> tuple[PortShape, ...]:
        demands = demands_of(experiment, trial)
        return testbed.set_schedule(experiment.schedule(trial.schedule), demands)

    def act(meter: CapsMeter) -> Mapping[str, bytes]:
        plans = plans_of_trial(experiment, trial, testbed.addresses)
        first_host = next(iter(plans))

        def heard(host: str, event: Mapping[str, Any]) -> None:
            # The parameter server's iterations, or where there is none the first worker's.
            if host == first_host:
                meter.event(event)
            on_event(host, event)

        nonlocal beside, shipped
        company = Company()
        printed: Callable[[Printed], None] = _nothing
        if accompanied:
            beside = Neighbours(experiment, trial, testbed, deployment)
            plans, company, printed = beside.before(plans), beside.company, beside.printed
        shipped = sum(
            len(content)
            for plan in (*plans.values(), *company.all)
            for content in plan.files.values()
        )
        return deployment.run(
            plans.values(),
            company=company,
            on_event=heard,
            on_print=printed,
            watch=testbed.check,
        )

    first = experiment.warm_up
    measured = (first, first + experiment.iterations - 1)
    if shares_links:
        # How full the links are, beside the others and alone.
        with testbed.link_sampler() as links:
            seen = observed(testbed, shape, measured, act)
        network = seen.network.model_copy(update={"links": links.record()})
    else:
        seen = observed(testbed, shape, measured, act)
        network = seen.network
    record = trial_record(experiment, trial, seen.error, seen.seconds, testbed.switch_kind)
    record = record.model_copy(update={"shipped_bytes": shipped})
    if beside is None:
        return Outcome(record, network, seen.records)
    record = record.model_copy(update={"beside": beside.beside()})
    return Outcome(record, network, {**seen.records, **beside.records()})


def _nothing(_printed: Printed) -> None:
    """Takes in what nobody prints who tells events."""


def demands_of(experiment: Experiment, trial: Trial) -> Demands:
    """Who sends to whom in a trial, in its own job and in those beside it."""
    if experiment.accompanied(trial.choices):
        return experiment.demands_together(trial.schedule, trial.model)
    return experiment.demands(trial.schedule, trial.model)


def trial_record(
    experiment: Experiment,
    trial: Trial,
    error: str | None,
    seconds: float,
    switch: str,
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
    return TrialRecord(
        index=trial.index,
        choices=trial.choices,
        repeat=trial.repeat,
        attempt=trial.attempt,
        outcome="finished" if error is None else "failed",
        error=error,
        seconds=seconds,
        communication=schedule,
        servers=_servers(experiment, trial.schedule),
        demands=demands.all if demands.declared else None,
        workers=placement.workers,
        batch=experiment.batch,
        own_batches=experiment.own_batches,
        iterations=experiment.iterations,
        warm_up=experiment.warm_up,
        cool_down=experiment.cool_down,
        scale=ScaleRecord(rates=experiment.scale.rates, time=experiment.scale.time),
        switch=switch,
        target_accuracy=experiment.learning.target_accuracy,
        resumed_after=trial.checkpoints.after if trial.checkpoints else 0,
    )


def _servers(experiment: Experiment, schedule: str) -> tuple[str, ...]:
    """Where our parameter server runs under a schedule, whose records are known."""
    members = experiment.members(schedule)
    programs = programs_of(members, experiment.own_code)
    return tuple(host for host in members.servers if programs.get(host) == "server")
