"""Measures, before the trials of a run, what the links that limit it carry.

All workers pull and push at once at full speed, as in a calibration, with all flows in one class,
on the network as the trials find it. So the links are filled that are busy longest in an iteration:
flows that share links fairly fill those first of which each has least.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.errors import RunError
from orchestrator.predict import acks_share, goodput_bps
from orchestrator.records.goodput import GoodputRecord, PortGoodput
from orchestrator.session.plan.exchange import exchange_scale
from orchestrator.session.plan.jobs import plans_of
from orchestrator.session.plan.slow_links import Look, filled_links, goodput_look
from orchestrator.session.probes.probe import Probe, traffic_of
from orchestrator.session.testbed.opened import Opened
from orchestrator.spec import WAYS, Experiment
from workloads.models.profiles import load_model
from workloads.schedule.library import get_schedule
from workloads.schedule.schedule import UNSCHEDULED


def goodput_probe(experiment: Experiment, look: Look) -> Probe:
    """All workers pull and push the largest of the experiment's models.

    For whose trials there must be memory anyway; but where the scale makes it tiny, large enough
    that the links limit it and not the messages.
    """
    model = max(experiment.models, key=lambda name: load_model(name).bytes)
    tensors = exchange_scale(load_model(model), experiment.scale)
    return Probe(model, UNSCHEDULED, look.total, look.patience, tensors=tensors)


def goodput_of(experiment: Experiment, look: Look, records: Mapping[str, bytes]) -> GoodputRecord:
    """What the ports carried that were filled, from the processes' records.

    Raises:
        RunError: the records lack what is needed.
    """
    exchange = experiment.probed.exchange
    traffic = traffic_of(experiment.placement, records)
    span = traffic.span(look.ramp, look.seconds)
    # By worker: bytes, and the seconds in which they came.
    carried = {
        way: dict(zip(exchange.workers, traffic.received(way, *span), strict=True)) for way in WAYS
    }
    ports = []
    for load in filled_links(exchange):
        counts = [carried[load.direction][name] for name in load.workers]
        bps = sum(count * 8 / seconds for count, seconds in counts)
        ports.append(
            PortGoodput(
                port=str(load.port),
                direction=load.direction,
                payload_bytes=sum(count for count, _ in counts),
                seconds=max(seconds for _, seconds in counts),
                bps=bps * experiment.scale.rates,
                nominal_bps=goodput_bps(load.port.rate_bps),
                acks_share=acks_share(exchange.demands, experiment.scale, load.port),
            )
        )
    return GoodputRecord(ports=tuple(ports))


def measure_goodput(experiment: Experiment, up: Opened, trials_seconds: float) -> GoodputRecord:
    """Exchange traffic on a testbed for some seconds; a failure of that is a part of the record.

    What a host cannot do (it has no memory for it, say) its trials will tell.

    Args:
        experiment: whose links are looked at.
        up: its testbed.
        trials_seconds: that the trials after it take, on the clock.

    Raises:
        RunError: the testbed failed.
    """
    if not experiment.models:
        return GoodputRecord(left_out="nothing is trained")
    look = goodput_look(experiment.probed.exchange, experiment.socket_buffers, experiment.scale)
    if look.outlasts(trials_seconds):
        return GoodputRecord(left_out=f"{look.total:.0f} s beside short trials on slow links")
    up.testbed.set_schedule(get_schedule(UNSCHEDULED))
    try:
        plans = plans_of(experiment, goodput_probe(experiment, look).work, up.testbed.addresses)
        records = up.deployment.run(plans.values(), watch=up.testbed.check)
        return goodput_of(experiment, look, records)
    except RunError as error:
        up.testbed.check()  # what is gone says more, and ends the run
        return GoodputRecord(failed=str(error))
