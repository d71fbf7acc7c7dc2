"""How long a look at an emulated network takes, where its links are slow (pure).

What is looked at are frames: some hundred of them must cross a link before their number says
anything of its rate.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.predict import bottleneck, first_worker_bps, fullest, server_loads
from orchestrator.spec import (
    PACKET_BYTES,
    WAYS,
    Demands,
    Experiment,
    Scale,
    queueing_seconds,
)

CARRIED_FRAMES_PER_SECOND = 2000
"""Full frames over all ports together that any machine carries: switches in user space, the slowest
kind, forward some 45,000 a second on two cores."""
LOOK_FRAMES = 100
"""Of which one more or less is 1 %."""
GOODPUT_SECONDS = 1.0
"""That the goodput is looked at, at least."""
CALIBRATION_SECONDS = 3.5
"""That a calibration looks, at least."""
RAMP_SECONDS = 0.6
"""Left out at the beginning: windows grow, and buffers fill."""
SILENCE_MARGIN_SECONDS = 20.0
"""A process that says nothing for this long, and for what its messages take, is taken for dead."""
MOST_SHARE_OF_TRIALS = 0.25
"""Of the trials that follow, that measuring the goodput may take."""


def carried_anyway(demands: Demands, scale: Scale) -> str:
    """Why a scale needs no calibration; empty if it does."""
    frames = sum(scale.rate(port.rate_bps) for port in demands.crossed) / (8 * PACKET_BYTES)
    if frames > CARRIED_FRAMES_PER_SECOND:
        return ""
    return (
        f"all links together carry {frames:.3g} full frames a second, "
        f"and any machine {CARRIED_FRAMES_PER_SECOND}"
    )


def frames_seconds(rate_bps: float, frames: float = LOOK_FRAMES) -> float:
    """Seconds in which `frames` full frames cross a link."""
    return frames * 8 * PACKET_BYTES / rate_bps


def calibration_seconds(experiment: Experiment) -> float:
    """How long a calibration must look at the traffic, at least, in emulated seconds."""
    exchange, scale = experiment.exchange, experiment.scale
    rates = []
    for way in WAYS:
        rates.append(bottleneck(exchange, way).rate_bps)
        owed = first_worker_bps(exchange, way)
        if owed is not None:
            rates.append(owed)
    return frames_seconds(scale.rate(min(rates)))


@dataclass(frozen=True)
class Look:
    """How long traffic flows before it is looked at, and how long then; seconds on the clock.

    Attributes:
        patience: how long a process may hear nothing.
    """

    ramp: float
    seconds: float
    patience: float

    @property
    def total(self) -> float:
        """Both."""
        return self.ramp + self.seconds

    def outlasts(self, trials_seconds: float) -> bool:
        """Whether it is longer than trials that follow are worth."""
        return self.total > max(2 * GOODPUT_SECONDS, MOST_SHARE_OF_TRIALS * trials_seconds)


def calibration_look(experiment: Experiment) -> Look:
    """How long a calibration looks at the traffic."""
    seconds = max(CALIBRATION_SECONDS, calibration_seconds(experiment))
    return Look(RAMP_SECONDS, seconds, patience_seconds(experiment))


def goodput_look(experiment: Experiment) -> Look:
    """How long the goodput of a network must be looked at."""
    scale = experiment.scale
    filled = [
        load.port.rate_bps
        for way in WAYS
        for load in fullest(
            load for load in server_loads(experiment.exchange, 1) if load.direction == way
        )
    ]
    look = frames_seconds(scale.rate(min(filled)), 2 * LOOK_FRAMES)
    ramp = max(RAMP_SECONDS, 2 * drain_seconds(experiment))
    return Look(ramp, max(GOODPUT_SECONDS, look), patience_seconds(experiment))


def patience_seconds(experiment: Experiment) -> float:
    """How long an exchange may hear nothing, in seconds on the clock.

    To ask who the other end is, to connect, and to get the first data take a way there and back
    each, which may be seconds.
    """
    return SILENCE_MARGIN_SECONDS + 3 * drain_seconds(experiment)


def drain_seconds(experiment: Experiment) -> float:
    """How long what is on its way may still take to arrive, in emulated seconds."""
    return queueing_seconds(
        experiment.exchange.demands, experiment.socket_buffers, experiment.scale
    )
