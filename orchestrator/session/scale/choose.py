"""Settles the scale of a run: chooses R where that is left to the machine, checks it where not.

Both by the same calibration, which is remembered, so that it takes its seconds once per machine,
topology and scale.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.emulation.limits.caps import (
    MachineCapacity,
    host_caps,
    refusals,
    require_capacity,
)
from orchestrator.errors import MachineError
from orchestrator.session.plan.exchange import LEAST_BYTES
from orchestrator.session.plan.slow_links import carried_anyway
from orchestrator.session.scale.cache import CalibrationCache, digest, machine_key, switch_key
from orchestrator.session.scale.calibration import (
    CANDIDATES,
    LEAST_IDLE,
    NEEDED_IDLE,
    Attempt,
    Attempts,
    Chosen,
    Next,
    NoScaleFits,
    ScaleQuery,
    by_rates,
    decide,
    forced_level,
    listed,
    needs,
)
from orchestrator.session.scale.task import Task, load_attempts
from orchestrator.session.testbed.box import run_boxed
from orchestrator.spec import AutoScale, Experiment, Scale

Measure = Callable[[Task], None]
"""Makes the attempts that a task lacks and leaves them in its file."""


def measure_in_box(task: Task) -> None:
    """Calibrate in a new box; call it on the main thread.

    Raises:
        DmlbedError: the calibration failed.
    """
    run_boxed(
        "orchestrator.session.inner.calibrate",
        (task.to_json(),),
        lambda: "what had been calibrated is remembered",
    )


@dataclass(frozen=True)
class Settled:
    """A scale that the machine carries, or that was forced.

    Attributes:
        scale: R and D.
        record: how that is known, for run.json.
    """

    scale: Scale
    record: Mapping[str, Any]


def scale_query(experiment: Experiment, capacity: MachineCapacity) -> ScaleQuery:
    """What an experiment asks for.

    `auto` leaves out scales at which a host would have more memory than the machine, unless all of
    them are such.
    """
    asked = experiment.asked_scale
    if not isinstance(asked, AutoScale):
        return ScaleQuery((asked.rates,), asked.time, LEAST_IDLE)
    known = tuple(rates for rates in CANDIDATES if asked.allows(rates))
    fit = tuple(
        rates
        for rates in known
        if not refusals(host_caps(experiment.topology, asked.at(rates), capacity), capacity)
    )
    return ScaleQuery(fit or known[-1:], asked.time, NEEDED_IDLE)


def calibration_key(experiment: Experiment, switch_kind: str) -> dict[str, Any]:
    """All that decides how much gets through, except R."""
    placed = [experiment.topology.resolved(), experiment.placement.resolved()]
    return {
        **machine_key(),
        **switch_key(switch_kind),
        "topology": experiment.topology.name,
        "topology_digest": digest(placed),
        "time": experiment.asked_scale.time,
        "congestion_control": experiment.congestion_control,
        "send_buffer_bytes": experiment.socket_buffers.send,
        "receive_buffer_bytes": experiment.socket_buffers.receive,
        "exchanged_bytes": LEAST_BYTES,
    }


def jobs_note(experiment: Experiment) -> tuple[str, ...]:
    """What a calibration does not know of an experiment: in a line; nothing without jobs beside."""
    if not experiment.jobs:
        return ()
    return (
        "R is checked for the measured job alone, and the jobs beside need more of this machine: if"
        " a row has too little idle time, take a larger R",
    )


def settle_scale(
    experiment: Experiment,
    kind: str,
    capacity: MachineCapacity,
    say: Callable[[str], None],
    *,
    recalibrate: bool = False,
    force: bool = False,
    refuted: Mapping[str, Any] | None = None,
    measure: Measure = measure_in_box,
    cache: CalibrationCache | None = None,
) -> Settled:
    """An R that the machine carries, with the record of how that is known.

    Args:
        experiment: what is to be run.
        kind: the switches' that it will have.
        capacity: what this machine has to give.
        say: shows one line.
        recalibrate: measure although it is remembered.
        force: take a scale given by hand although the machine does not carry it.
        refuted: the record of a scale that was remembered, and not carried then: what is remembered
            is forgotten, and measured anew.
        measure: finds out what is not remembered.
        cache: where it is remembered.

    Raises:
        MachineError: it carries none of the scales asked for, and nobody forces it; or a host
            cannot be had here.
        DmlbedError: the calibration failed.
    """
    cache = cache or CalibrationCache()
    asked = scale_query(experiment, capacity)
    require_capacity(
        host_caps(experiment.topology, asked.scale(asked.rates[0]), capacity), capacity
    )
    if not_needed := carried_anyway(
        experiment.probed.exchange.demands, asked.scale(asked.rates[0])
    ):
        say(f"scale {asked.scale(asked.rates[0])}: no calibration is needed: {not_needed}")
        return _settled(experiment, asked.rates[0], not_needed=not_needed)
    key = calibration_key(experiment, kind)
    if refuted:
        with suppress(OSError):  # what is measured now outweighs it
            cache.forget(key)
    attempts: Attempts = {} if recalibrate or refuted else cache.attempts(key)
    made: Attempts = {}
    if isinstance(decide(asked, attempts), NoScaleFits) and not force:
        # What made the machine fail then may be gone; a refusal is worth another look.
        attempts = {}
    step = decide(asked, attempts)
    if isinstance(step, Next):
        say(f"calibrating what this machine carries of {experiment.topology.name} on {kind}")
        task = Task(experiment, kind, asked, tuple(attempts.values()))
        made = _measured(task, measure, cache, key, say)
        attempts = {**attempts, **made}
        step = decide(asked, attempts)
    remembered = False
    match step:
        case Next():
            raise MachineError(f"the calibration of R = {step.rates:g} has left no figures")
        case Chosen():
            attempt, forced = step.attempt, None
            auto = isinstance(experiment.asked_scale, AutoScale)
            remembered = auto and made.get(attempt.rates) != attempt
            say(_chosen(experiment, kind, attempt, _since(attempt, made, experiment)))
            for note in jobs_note(experiment):
                say(f"note: {note}")
        case NoScaleFits():
            if isinstance(experiment.asked_scale, AutoScale) or not force:
                raise _refusal(experiment, kind, asked, step)
            (attempt,) = step.attempts
            forced = {
                "level": forced_level(attempt),
                "reason": f"forced scale: {attempt.figures()}; {_short(attempt, asked)}",
            }
            say(f"all figures are {forced['level']}: {forced['reason']}")
    tried = [attempts[rates].model_dump() for rates in asked.rates if rates in attempts]
    how = {"key": key, "attempts": tried, "forced": forced, "refuted": refuted}
    return _settled(experiment, attempt.rates, remembered=remembered, **how)


def _settled(experiment: Experiment, rates: float, **how: Any) -> Settled:
    """That R, with the record of how it is known."""
    asked = experiment.asked_scale
    record = {"asked": str(asked), "chosen": rates, **_NOTHING_TRIED, **how}
    return Settled(asked.at(rates), record)


_NOTHING_TRIED: dict[str, Any] = {
    "key": None, "attempts": [], "forced": None, "remembered": False, "refuted": None,
}  # fmt: skip


@dataclass(frozen=True)
class ScaleForecast:
    """What a run's scale will be, as far as is known without measuring.

    Attributes:
        scale: R and D.
        why: how R is known, or that it is assumed.
        assumed: whether it is.
    """

    scale: Scale
    why: str
    assumed: bool = False


def forecast_scale(
    experiment: Experiment,
    kind: str,
    capacity: MachineCapacity,
    cache: CalibrationCache | None = None,
) -> ScaleForecast:
    """The scale that a run on a kind of switch would have by what is remembered.

    If nothing is: the smallest R that comes into question.
    """
    asked = scale_query(experiment, capacity)
    least = asked.scale(asked.rates[0])
    if not_needed := carried_anyway(experiment.probed.exchange.demands, least):
        return ScaleForecast(least, f"{least}, no calibration is needed: {not_needed}")
    attempts = (cache or CalibrationCache()).attempts(calibration_key(experiment, kind))
    step = decide(asked, attempts)
    by_hand = not isinstance(experiment.asked_scale, AutoScale)
    if isinstance(step, Chosen):
        attempt = step.attempt
        scale = asked.scale(attempt.rates)
        why = f"{attempt.figures()}, remembered from {attempt.when()}"
        return ScaleForecast(scale, why if by_hand else f"R auto: R = {attempt.rates:g}, {why}")
    failed = listed(step.attempts) if isinstance(step, NoScaleFits) else ""
    if by_hand:
        why = f"not carried: {failed}" if failed else "not checked on this machine yet"
        return ScaleForecast(least, why)
    why = f"none carried: {failed}" if failed else "not calibrated on this machine yet"
    return ScaleForecast(least, f"R auto: R = {least.rates:g} assumed, {why}", assumed=True)


def _measured(
    task: Task,
    measure: Measure,
    cache: CalibrationCache,
    key: dict[str, Any],
    say: Callable[[str], None],
) -> Attempts:
    """Make the attempts that are missing, and remember them, even those before a failure."""
    with tempfile.TemporaryDirectory(prefix="dmlbed-") as directory:
        task = replace(task, attempts=Path(directory) / "attempts.json")
        try:
            measure(task)
        finally:
            made = load_attempts(task.attempts.read_text()) if task.attempts.exists() else ()
            try:
                needed = task.scale_query.needed_idle
                cache.remember(key, [attempt for attempt in made if attempt.sure(needed)])
            except OSError as error:
                say(f"{cache.directory}: the calibration is not remembered: {error.strerror}")
    return by_rates(made)


def _since(attempt: Attempt, made: Attempts, experiment: Experiment) -> str:
    if made.get(attempt.rates) != attempt:
        return f"remembered from {attempt.when()}"
    return "calibrated now" if isinstance(experiment.asked_scale, AutoScale) else "checked now"


def _chosen(experiment: Experiment, kind: str, attempt: Attempt, since: str) -> str:
    asked = experiment.asked_scale
    if isinstance(asked, AutoScale):
        return f"scale auto: R = {attempt.rates:g} on {kind}: {attempt.figures()} ({since})"
    return f"scale {asked} on {kind}: {attempt.figures()} ({since})"


def _short(attempt: Attempt, asked: ScaleQuery) -> str:
    """What was too little, and by how much."""
    return ", ".join(attempt.short_of(asked.needed_idle))


def _refusal(
    experiment: Experiment, kind: str, asked: ScaleQuery, step: NoScaleFits
) -> MachineError:
    last = step.attempts[-1]
    if not isinstance(experiment.asked_scale, AutoScale):
        if not last.sure(asked.needed_idle):
            return MachineError(
                f"whether this machine carries {experiment.asked_scale} on {kind} cannot be seen "
                f"beside other programs: {last.figures()}; {_short(last, asked)}",
                "run it again when they have ended, or --force to run it and have its figures "
                "marked",
            )
        return MachineError(
            f"this machine does not carry {experiment.asked_scale} on {kind}: "
            f"{last.figures()}; {_short(last, asked)}",
            "--scale auto, a larger R, or --force to run it and have its figures marked",
        )
    return MachineError(
        f"this machine carries no scale of {experiment.topology.name} on {kind}: "
        f"{listed(step.attempts)}; {needs(asked)}",
        "less load on the machine, a larger R in --scale R,D, or one of them with --force",
    )
