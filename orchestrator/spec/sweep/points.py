"""The points of an experiment's sweep, each an experiment without one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.spec.sweep.conditions import Conditions, conditions
from orchestrator.spec.sweep.sweep import Sweep, Values

if TYPE_CHECKING:
    from orchestrator.spec.experiment.experiment import Experiment


@dataclass(frozen=True)
class Point:
    """One point of a sweep.

    Attributes:
        label: its name, fit for a directory.
        values: of the sweep's variables.
        experiment: what is run there, without a sweep.
    """

    label: str
    values: Values
    experiment: Experiment


def points_of(experiment: Experiment, sweep: Sweep) -> tuple[Point, ...]:
    """The points of a sweep of an experiment, in the order in which they run."""
    base = base_of(experiment)
    return tuple(
        Point(sweep.label(values), values, _at_point(experiment, conditions(sweep, values, base)))
        for values in sweep.points
    )


def base_of(experiment: Experiment) -> Conditions:
    """What an experiment's sweep may vary."""
    sweep = experiment.sweep
    # Options may leave schedules out that are varied.
    names = (*experiment.schedules, *(sweep.schedules if sweep else ()))
    return Conditions(
        experiment.topology,
        experiment.placement,
        experiment.batch,
        experiment.congestion_control,
        experiment.socket_buffers,
        {name: experiment.schedule(name) for name in names},
        experiment.order_of_operations,
    )


def _at_point(experiment: Experiment, at: Conditions) -> Experiment:
    own = {
        name: schedule
        for name, schedule in at.schedules.items()
        if schedule != experiment.schedule(name)
    }
    return replace(
        experiment,
        sweep=None,
        topology=at.topology,
        placement=at.placement,
        batch=at.batch,
        order_of_operations=at.order_of_operations,
        congestion_control=at.congestion_control,
        socket_buffers=at.buffers,
        custom_schedules={**experiment.custom_schedules, **own},
    )
