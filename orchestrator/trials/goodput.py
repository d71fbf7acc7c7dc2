"""Measures, before the trials of a run, what the links that limit it carry.

All workers pull and push at once at full speed, as in a calibration, with all flows in one class,
on the network as the trials find it. So the links are filled that are busy longest in an iteration:
flows that share links fairly fill those first of which each has least.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from orchestrator.bounds import acks_share, fullest, goodput_bps, link_loads
from orchestrator.collector.windows import events_of, received, released_ns
from orchestrator.errors import RunError
from orchestrator.records.goodput import GoodputRecord, PortGoodput
from orchestrator.spec import Experiment
from orchestrator.trials.exchange import exchange_scale
from orchestrator.trials.jobs import build_jobs
from orchestrator.trials.opened import Opened
from orchestrator.trials.plan import Trial, trials_seconds
from orchestrator.trials.slow_links import goodput_look, patience_seconds
from orchestrator.trials.trial import START_SECONDS
from workloads.models.profiles import load_model
from workloads.schedule.library import get_schedule

END_SECONDS = 0.1
"""Left out at the end, when the first processes may have stopped."""
SCHEDULE = "none"
_WAYS: tuple[Literal["pull", "push"], ...] = ("pull", "push")


def goodput_jobs(experiment: Experiment, addresses: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """One job per host: those of a trial, but to exchange traffic.

    With the largest of the experiment's models, for whose trials there must be memory anyway; but
    where the scale makes it tiny, large enough that the links limit it and not the messages.
    """
    look = goodput_look(experiment)
    model = max(experiment.models, key=lambda name: load_model(name).bytes)
    changes = {
        "mode": "calibrate",
        "scale": exchange_scale(load_model(model), experiment.scale),
        "seconds": look.ramp + look.seconds + END_SECONDS,
        "silence_seconds": patience_seconds(experiment),
    }
    jobs = build_jobs(experiment, Trial(1, model, SCHEDULE, 1), addresses)
    return {name: {**job, **changes} for name, job in jobs.items()}


def goodput_of(experiment: Experiment, records: Mapping[str, bytes]) -> GoodputRecord:
    """What the ports carried that were filled, from the processes' records.

    Raises:
        RunError: the records lack what is needed.
    """
    topology = experiment.topology
    server = events_of(topology.ps.name, records[topology.ps.name])
    look = goodput_look(experiment)
    begin = released_ns(server) + round(look.ramp * 1e9)
    end = begin + round(look.seconds * 1e9)
    names = [worker.name for worker in topology.workers]
    pushed, seconds = received(server, begin, end)
    # By worker: bytes, and the seconds in which they came.
    carried: dict[str, dict[str, tuple[int, float]]] = {
        "push": {name: (count, seconds) for name, count in zip(names, pushed, strict=True)},
        "pull": {},
    }
    for name in names:
        (count,), seconds = received(events_of(name, records[name]), begin, end)
        carried["pull"][name] = count, seconds
    # How many bytes a model has makes no difference to which links are full.
    loads = link_loads(topology, 1)
    found = []
    for way in _WAYS:
        for load in fullest(load for load in loads if load.direction == way):
            counts = [carried[way][name] for name in load.workers]
            bps = sum(count * 8 / seconds for count, seconds in counts)
            found.append(
                PortGoodput(
                    port=str(load.port),
                    direction=way,
                    payload_bytes=sum(count for count, _ in counts),
                    seconds=max(seconds for _, seconds in counts),
                    bps=bps * experiment.scale.rates,
                    nominal_bps=goodput_bps(load.port.rate_bps),
                    acks_share=acks_share(topology, experiment.scale, load),
                )
            )
    return GoodputRecord(ports=tuple(found))


def measure_goodput(experiment: Experiment, up: Opened) -> GoodputRecord:
    """Exchange traffic on a testbed for some seconds; a failure of that is a part of the record.

    What a host cannot do (it has no memory for it, say) its trials will tell.

    Raises:
        RunError: the testbed failed.
    """
    look = goodput_look(experiment)
    if look.outlasts(trials_seconds(experiment)):
        return GoodputRecord(left_out=f"{look.total:.0f} s beside short trials on slow links")
    up.testbed.set_schedule(get_schedule(SCHEDULE))
    try:
        jobs = goodput_jobs(experiment, up.testbed.addresses)
        first = next(iter(jobs.values()))
        records = up.deployment.run(
            jobs,
            start_timeout=START_SECONDS,
            silence_timeout=first["seconds"] + 2 * first["silence_seconds"],
            on_event=lambda _host, _event: None,
            watch=up.testbed.check,
        )
        return goodput_of(experiment, records)
    except RunError as error:
        up.testbed.check()  # what is gone says more, and ends the run
        return GoodputRecord(failed=str(error))
