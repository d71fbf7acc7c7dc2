"""Probes: processes exchange traffic on a testbed, in place of a training (pure).

A run measures by one what the links carry, a calibration what the machine does, a bench what the
transport does; what came over which flow is `analysis.reading.exchange_records.Traffic`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from orchestrator.analysis.reading.exchange_records import Traffic
from orchestrator.session.plan.jobs import Work
from orchestrator.spec import Placement

END_SECONDS = 0.1
"""That a probe goes on after what is looked at: the first processes may have stopped."""


@dataclass(frozen=True)
class Probe:
    """An exchange of traffic at full speed, or of urgent units behind a full queue.

    The ports must have the schedule's classes when its processes run.

    Attributes:
        model: whose units are exchanged.
        schedule: whose queues and units.
        seconds: that are of use, what is left out at the beginning included; on the clock.
        patience: how long a process may hear nothing, in seconds on the clock.
        kind: `traffic` at full speed, both ways at once, or `urgent` units.
        tensors: R and D at which the model is cut; None: those of the network.
        workers: who takes part, by name; None: all.
    """

    model: str
    schedule: str
    seconds: float
    patience: float
    kind: Literal["traffic", "urgent"] = "traffic"
    tensors: Mapping[str, float] | None = None
    workers: tuple[str, ...] | None = None

    @property
    def work(self) -> Work:
        """What its processes do together."""
        return Work(
            self.model,
            self.schedule,
            silence_seconds=self.patience,
            tensors=self.tensors,
            workers=self.workers,
            programs=(f"{self.kind}-server", f"{self.kind}-worker"),
            seconds=self.seconds + END_SECONDS,
        )


def traffic_of(placement: Placement, records: Mapping[str, bytes]) -> Traffic:
    """What the flows of all workers carried in a probe.

    Raises:
        RunError: the records lack what is needed.
    """
    probed = placement.probed
    return Traffic(probed.server, probed.workers, records)
