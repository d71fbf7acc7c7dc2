"""How long a look at an emulated network takes, where its links are slow (pure).

What is looked at are frames: some hundred of them must cross a link before their number says
anything of its rate.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.predict import ServerLoad, bottleneck, first_worker_bps, fullest, server_loads
from orchestrator.spec import (
    PACKET_BYTES,
    WAYS,
    Demands,
    Scale,
    ServerExchange,
    SocketBuffers,
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


def calibration_seconds(exchange: ServerExchange, scale: Scale) -> float:
    """How long a calibration must look at the traffic, at least, in emulated seconds."""
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


def calibration_look(exchange: ServerExchange, buffers: SocketBuffers, scale: Scale) -> Look:
    """How long a calibration looks at the traffic of an exchange."""
    seconds = max(CALIBRATION_SECONDS, calibration_seconds(exchange, scale))
    return Look(RAMP_SECONDS, seconds, patience_seconds(exchange.demands, buffers, scale))


def filled_links(exchange: ServerExchange) -> tuple[ServerLoad, ...]:
    """The links that are filled when all workers pull and push at full speed, each way's.

    How many bytes a model has makes no difference to which they are.
    """
    loads = server_loads(exchange, 1)
    each_way = (fullest(load for load in loads if load.direction == way) for way in WAYS)
    return tuple(load for filled in each_way for load in filled)


def goodput_look(exchange: ServerExchange, buffers: SocketBuffers, scale: Scale) -> Look:
    """How long the goodput of the links that an exchange fills must be looked at."""
    slowest = min(load.port.rate_bps for load in filled_links(exchange))
    look = frames_seconds(scale.rate(slowest), 2 * LOOK_FRAMES)
    ramp = max(RAMP_SECONDS, 2 * queueing_seconds(exchange.demands, buffers, scale))
    patience = patience_seconds(exchange.demands, buffers, scale)
    return Look(ramp, max(GOODPUT_SECONDS, look), patience)


def patience_seconds(demands: Demands, buffers: SocketBuffers, scale: Scale) -> float:
    """How long an exchange may hear nothing, in seconds on the clock.

    To ask who the other end is, to connect, and to get the first data take a way there and back
    each, which may be seconds.
    """
    return SILENCE_MARGIN_SECONDS + 3 * queueing_seconds(demands, buffers, scale)
