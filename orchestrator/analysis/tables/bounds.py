"""The bounds of a run's trials: each worked out once for all that share it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from orchestrator.analysis.measures.bound_share import (
    bound_imgs_per_sec,
    demand_imgs_per_sec,
    left_beside,
)
from orchestrator.analysis.measures.measure import TrialMeasure
from orchestrator.analysis.measures.programs.bound import program_imgs_per_sec
from orchestrator.predict import Goodputs
from orchestrator.spec import Demand
from workloads.schedule.schedule import Schedule


class Bounded(NamedTuple):
    """What a bound depends on.

    Attributes:
        job: that was measured in place of the experiment's own; empty: none was.
        lead: how far the workers' paces may differ, with a parameter server; None: there is none.
        demands: of another exchange, or coded.
        communication: the schedule that these are of; None where there are none.
        taken: what traffic beside it had, by its name, in bit/s of payload.
        program: that ran in place of a training; empty: none did.
    """

    job: str
    model: str
    batch: int
    lead: float | None
    demands: tuple[Demand, ...] | None
    communication: Schedule | None
    taken: tuple[tuple[str, float], ...]
    program: str


def bounded(trial: TrialMeasure) -> Bounded:
    """What the bound of a trial depends on."""
    lead = trial.lead if trial.sends_model else None
    taken = tuple(
        (one.job.name, one.delivered_bps) for one in trial.beside if one.delivered_bps is not None
    )
    return Bounded(
        job=trial.choices.job,
        model=trial.model,
        batch=trial.batch,
        lead=lead,
        demands=trial.demands,
        communication=None if trial.demands is None else trial.communication,
        taken=taken,
        program=trial.program,
    )


def bound_of(
    experiment: Mapping[str, Any], which: Bounded, goodputs: Goodputs | None
) -> float | None:
    """Imgs/sec that no trial is above; None: not known.

    Beside traffic it is that of the goodput which the traffic left.
    """
    if which.taken:
        goodputs = left_beside(experiment, dict(which.taken), goodputs)
    if which.program:
        return program_imgs_per_sec(experiment, which.program, goodputs)
    of_the_job = of_job(experiment, which.job)
    if which.lead is not None:
        return bound_imgs_per_sec(of_the_job, which.model, which.batch, goodputs, which.lead)
    if which.demands is not None and which.communication is not None:
        return demand_imgs_per_sec(
            of_the_job,
            which.model,
            which.batch,
            which.demands,
            which.communication,
            goodputs=goodputs,
        )
    return None


def of_job(experiment: Mapping[str, Any], job: str) -> Mapping[str, Any]:
    """A resolved experiment with one of its jobs in place of what it measures; empty: as it is."""
    if not job:
        return experiment
    training = experiment["jobs"][job]["training"]
    return {
        **experiment,
        "placement": training["placement"],
        "batch": training["batch"],
        "models": [training["model"]],
        "schedules": [training["schedule"]],
    }
