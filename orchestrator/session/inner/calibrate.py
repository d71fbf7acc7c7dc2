"""Calibrates in a box: tries one scale after the other on the experiment's own testbed.

The hosts are not capped: the question is what the machine carries. What a host's own caps do to it
is for each trial to tell.

Started as `python -m orchestrator.session.inner.calibrate TASK` by scale/choose.py. The attempts go
into the file that the task names, after each of them, so that an interruption loses one at most.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Literal

from orchestrator.analysis.measures.machine.disturbance import disturbances, use_within
from orchestrator.analysis.reading.exchange_records import Traffic
from orchestrator.emulation.limits.awake import cpus_to_keep_awake
from orchestrator.emulation.limits.idle import Sample, mean_idle
from orchestrator.errors import RunError
from orchestrator.predict import acks_share, bottleneck, first_worker_bps, goodput_bps
from orchestrator.records.network import UseRecord
from orchestrator.session.inner.program import guarded, told
from orchestrator.session.inner.undisturbed import TIMES, Made, Watch, undisturbed
from orchestrator.session.plan.exchange import exchange_scale
from orchestrator.session.plan.jobs import plans_of
from orchestrator.session.plan.slow_links import Look, calibration_look, calibration_seconds
from orchestrator.session.probes.probe import Probe, traffic_of
from orchestrator.session.scale.calibration import Attempt, Next, Way, by_rates, decide
from orchestrator.session.scale.task import Task, dump_attempts
from orchestrator.session.testbed.opened import Opened, opened
from orchestrator.spec import Experiment
from orchestrator.terminal import console
from orchestrator.terminal.streams import prepare
from workloads.models.profiles import load_model
from workloads.schedule.library import get_schedule

PIECES = 5
"""That a look is cut into, if each is long enough for the slowest link."""
MODEL = "resnet50"
"""Whose slices are exchanged, whatever the experiment trains: the median of the library in size, so
that what is remembered holds for every experiment on the topology."""
SCHEDULE = "switch-priority"
"""With the classes of strict priority at every contended port, whatever the experiment's schedules:
they are the most that switches and ports are asked for."""
MEMORY_BYTES = 1 << 30
"""Of the tensors of all processes; with many workers they are smaller than the scale asks."""


def calibrate(task: Task) -> None:
    """Try scales until it is decided.

    Raises:
        RunError: the testbed or a process of a calibration failed.
    """

    def say(text: str) -> None:
        console.say(console.messages(), text)

    experiment = calibrated(task.experiment)
    attempts = by_rates(task.known)
    made: list[Attempt] = []
    first = experiment.with_scale(task.scale_query.scale(task.scale_query.rates[0]))
    with opened(first, task.switch_kind) as up:
        times = TIMES
        while isinstance(step := decide(task.scale_query, attempts), Next):
            scaled = experiment.with_scale(task.scale_query.scale(step.rates))
            exchange = partial(_made, scaled, up, task.scale_query.needed_idle)
            outcome = undisturbed(exchange, say, times=times)
            if outcome.disturbed and not outcome.good:
                times = 1  # the machine stays busy
            attempt = outcome.result
            attempts[step.rates] = attempt
            made.append(attempt)
            task.attempts.write_text(dump_attempts(made))
            short = "; ".join(attempt.short_of(task.scale_query.needed_idle))
            time = task.scale_query.scale(step.rates).time
            text = f"R = {step.rates:g}, D = {time:g}: {attempt.figures()}"
            say(f"{text}: {short}" if short else text)
            up.testbed.check()


def calibrated(experiment: Experiment) -> Experiment:
    """The experiment without its links' delays.

    Delays do not change what this machine carries. They do change what TCP reaches on a long way,
    on the real system as here, which says nothing of the machine.
    """
    return replace(experiment, topology=experiment.topology.without_delays())


def calibration_probe(experiment: Experiment) -> Probe:
    """All workers pull and push at once."""
    arenas = 1 + 2 * len(experiment.placement.workers)
    tensors = exchange_scale(load_model(MODEL), experiment.scale, MEMORY_BYTES / arenas)
    look = _look(experiment)
    return Probe(MODEL, SCHEDULE, look.total, look.patience, tensors=tensors)


def _look(experiment: Experiment) -> Look:
    return calibration_look(experiment.probed.exchange, experiment.socket_buffers, experiment.scale)


def _pieces(experiment: Experiment, begin: int, end: int) -> list[tuple[int, int]]:
    """Begin and end (ns) of the pieces of a look from `begin` to `end`."""
    seconds = (end - begin) / 1e9
    least = calibration_seconds(experiment.probed.exchange, experiment.scale)
    count = PIECES if PIECES * least <= seconds else 1
    return list(pairwise(begin + (end - begin) * edge // count for edge in range(count + 1)))


def _made(experiment: Experiment, up: Opened, needed_idle: float) -> Made[Attempt]:
    attempt = _attempt(experiment, up)
    # What fails in any case is not waited for.
    why = "" if attempt.hopeless else attempt.disturbed
    return Made(attempt, attempt.carried(needed_idle), why)


def _attempt(experiment: Experiment, up: Opened) -> Attempt:
    up.testbed.set_scale(experiment.scale)
    up.testbed.set_schedule(get_schedule(SCHEDULE))
    with Watch(cpus_to_keep_awake(up.testbed.switch_kind)) as watch:
        plans = plans_of(experiment, calibration_probe(experiment).work, up.testbed.addresses)
        records = up.deployment.run(plans.values())
    measured = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return judge(experiment, records, Samples(watch.idle, watch.use), measured)


@dataclass(frozen=True)
class Samples:
    """Of the machine during an exchange: its idle share, and whose the CPUs were."""

    idle: Sequence[Sample]
    use: UseRecord


def judge(
    experiment: Experiment, records: Mapping[str, bytes], samples: Samples, measured: str
) -> Attempt:
    """The attempt that the records of its processes and the samples of the CPUs tell of.

    Raises:
        RunError: the records lack what is needed.
    """
    traffic, look = traffic_of(experiment.placement, records), _look(experiment)
    begin, end = traffic.span(look.ramp, look.seconds)
    pieces = _pieces(experiment, begin, end)
    idle = [share for piece in pieces if (share := mean_idle(samples.idle, *piece)) is not None]
    if not idle:
        raise RunError("the idle time of the machine could not be sampled")
    use = use_within(samples.use, samples.idle, begin, end)
    disturbed = disturbances(use, mean_idle(samples.idle, begin, end))
    return Attempt(
        rates=experiment.scale.rates,
        pull=_median([_way(experiment, traffic, "pull", *piece) for piece in pieces]),
        push=_median([_way(experiment, traffic, "push", *piece) for piece in pieces]),
        idle=median(idle),
        measured=measured,
        disturbed="; ".join(disturbed),
        taken=use.taken_share if use and disturbed else 0.0,
    )


def _median(ways: Sequence[Way]) -> Way:
    """A direction whose figures are each the median of those of its pieces."""
    first = [way.first for way in ways if way.first is not None]
    priority = [way.priority for way in ways if way.priority is not None]
    # Of what the first got and how busy it was, the pairs count, not each by itself.
    busy = median(first) / median(priority) if first and median(priority) else 1.0
    return Way(
        rate_bps=ways[0].rate_bps,
        share=median(way.share for way in ways),
        first=median(first) if first else None,
        busy=min(1.0, busy),
    )


def _way(
    experiment: Experiment,
    traffic: Traffic,
    direction: Literal["pull", "push"],
    begin: int,
    end: int,
) -> Way:
    """One direction over a piece of the exchange."""
    exchange, scale = experiment.probed.exchange, experiment.scale
    bps = traffic.received_bps(direction, begin, end)
    busy = traffic.busy_share(direction, begin, end)
    full = bottleneck(exchange, direction).ports
    rate = sum(scale.rate(port.rate_bps) for port in full)
    # Acknowledgements of the opposite direction are the links' own, and no fault of the machine.
    left = 1 - max(acks_share(exchange.demands, scale, port) for port in full)
    owed = first_worker_bps(exchange, direction)
    first = None if owed is None else bps[0] / goodput_bps(left * scale.rate(owed))
    return Way(rate_bps=rate, share=sum(bps) / goodput_bps(left * rate), first=first, busy=busy)


def main() -> None:
    """Entry point of the calibrating process."""
    prepare()
    (asked,) = told()
    task = Task.from_json(asked)
    sys.exit(guarded(lambda: calibrate(task), lambda: "stopped while calibrating"))


if __name__ == "__main__":
    main()
