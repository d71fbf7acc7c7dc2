"""The goodput that a run measured before its trials, and whether it can be believed (pure).

A bound is drawn at what its links were seen to carry. A measurement that is off (something else
kept the machine busy, a host was throttled) would lower the bound and flatter all that is held
against it, so it is told and not used: the port's rate then says what it carries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from orchestrator.predict import Goodputs
from orchestrator.records.files import Record
from orchestrator.spec import PAYLOAD_BYTES

LEAST_SHARE = 0.95
"""Of 1448/1514 of the rate; what limits a trial carried less, and it is not the link."""
MOST_SHARE = 1.005
"""Above this a share is wrong: windows that end a little early or late cannot explain it."""


class PortGoodput(Record):
    """What one port carried that all workers' bulk traffic filled.

    Attributes:
        port: its name, `node->peer`.
        direction: "pull" or "push".
        payload_bytes: of TCP, that crossed it and arrived.
        seconds: for which their receivers were looked at, on the clock; each for all but the same.
        bps: payload in bit/s of the real system.
        nominal_bps: 1448/1514 of its rate, in bit/s of the real system.
        acks_share: what acknowledgements of the opposite direction, full at the same time, had.
    """

    port: str
    direction: Literal["pull", "push"]
    payload_bytes: int = Field(ge=0)
    seconds: float = Field(gt=0)
    bps: float = Field(ge=0)
    nominal_bps: float = Field(gt=0)
    acks_share: float = Field(default=0.0, ge=0)

    @property
    def share(self) -> float:
        """Of what its rate carries."""
        return self.bps / self.nominal_bps

    @property
    def believed(self) -> bool:
        """Whether the link alone can have been what limited it.

        One frame more or less at each end of the look says nothing.
        """
        ends = 2 * PAYLOAD_BYTES / max(1, self.payload_bytes)
        return LEAST_SHARE - self.acks_share - ends <= self.share <= MOST_SHARE + ends

    @property
    def alone(self) -> bool:
        """Whether acknowledgements had so little that others can draw bounds at what was left."""
        return self.acks_share <= 1 - LEAST_SHARE


class GoodputRecord(Record):
    """The goodput in run.json.

    Attributes:
        ports: those that were filled.
        failed: why nothing could be measured; empty if something was.
        left_out: why it was not tried; empty if it was.
    """

    ports: tuple[PortGoodput, ...] = ()
    failed: str = ""
    left_out: str = ""

    def goodputs(self) -> Goodputs:
        """What bounds are drawn at; a port that is not in it carries what its rate says."""
        return {port.port: port.bps for port in self.ports if port.believed and port.alone}

    @property
    def too_little(self) -> bool:
        """Whether a link carried less than its rate lets it."""
        return any(not port.believed and port.share < 1 for port in self.ports)

    def text(self) -> str:
        """One line: what was measured."""
        if self.left_out:
            return f"goodput: not measured ({self.left_out}), bounds take the rates"
        if not self.ports:
            return "goodput: not measured, bounds take the rates"
        return f"goodput: {_shares(self.ports)} of what the rates of {_names(self.ports)} carry"

    def notes(self) -> tuple[str, ...]:
        """What speaks against it."""
        if self.failed:
            first = self.failed.splitlines()[0]
            return (f"doubtful: the goodput could not be measured, bounds take the rates: {first}",)
        strange = [port for port in self.ports if not port.believed]
        if not strange:
            return ()
        return (
            f"doubtful: before the trials {_names(strange)} carried {_shares(strange)} of what "
            "the rates do; bounds take the rates there",
        )


def _shares(ports: Sequence[PortGoodput]) -> str:
    low, high = (f"{100 * share(p.share for p in ports):.1f}" for share in (min, max))
    return f"{low} %" if low == high else f"{low} to {high} %"


def _names(ports: Sequence[PortGoodput]) -> str:
    first_two = ", ".join(port.port for port in ports[:2])
    return first_two if len(ports) <= 2 else f"{first_two} and {len(ports) - 2} more"
