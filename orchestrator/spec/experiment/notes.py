"""What a person should know of an experiment before it runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from orchestrator.spec.experiment.jobs import traffic_notes
from orchestrator.spec.experiment.programs import PROGRAMS_NOTE
from orchestrator.spec.scale import AutoScale
from orchestrator.spec.traffic.demands import Demands
from orchestrator.spec.traffic.own_windows import overrun
from orchestrator.spec.traffic.small_models import too_small
from orchestrator.spec.traffic.turns import too_small_for_order
from workloads.models.profiles import load_model
from workloads.schedule.averaging import instability

if TYPE_CHECKING:
    from orchestrator.spec.experiment.experiment import Experiment


def notes_of(experiment: Experiment) -> tuple[str, ...]:
    """A line for each; a sweep's points are looked at as well."""
    run = [point.experiment for point in experiment.points()] or [experiment]
    networks = [demands for one in run for demands in one.networks]
    rate = experiment.learning_rate
    lines = (
        experiment.added,
        overrun(networks, experiment.socket_buffers),
        *_too_small(experiment, [one.probed.exchange.demands for one in run]),
        experiment.learning.note(experiment.known_scale.time),
        *(instability(experiment.schedule(name), rate) for name in experiment.schedules),
        PROGRAMS_NOTE if experiment.programs else "",
        *(line for one in run for line in traffic_notes(one.topology, one.jobs.values())),
    )
    return tuple(dict.fromkeys(line for line in lines if line))


def _too_small(experiment: Experiment, networks: Iterable[Demands]) -> tuple[str, ...]:
    """Nothing as long as R has not been chosen."""
    scale = experiment.asked_scale
    if isinstance(scale, AutoScale):
        return ()
    models = [load_model(name) for name in experiment.models]
    schedules = [experiment.schedule(name) for name in experiment.schedules]
    ordered = [one for one in schedules if one.sends_model]
    no_effect = too_small_for_order(networks, experiment.socket_buffers, models, ordered, scale)
    return (too_small(models, schedules, scale), no_effect)
