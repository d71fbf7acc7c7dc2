"""What an exchange demands of a network (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Demand:
    """What one host sends to another one in every iteration.

    Attributes:
        source: the host that sends.
        destination: the host that receives.
        bytes: of payload, in the real system; 0 where only the way counts.
        traffic_class: its name, which it may share with others; empty: with all data that has none.
        name: for people, `pull of worker0`.
        port: at which one end of its connections listens, which tells it from others of the same
            hosts; 0: the hosts alone tell it.
    """

    source: str
    destination: str
    bytes: int
    traffic_class: str = ""
    name: str = ""
    port: int = 0

    def __str__(self) -> str:
        return self.name or f"{self.source} to {self.destination}"


def server_demands(server: str, workers: Sequence[str], model_bytes: int) -> tuple[Demand, ...]:
    """Every worker's pull from a parameter server, then every worker's push; a class each."""
    return (
        *(Demand(server, one, model_bytes, one, f"pull of {one}") for one in workers),
        *(Demand(one, server, model_bytes, one, f"push of {one}") for one in workers),
    )


def ring_demands(members: Sequence[str], model_bytes: int) -> tuple[Demand, ...]:
    """What each member of a ring sends to the next one: its bytes, and those of n - 2 others."""
    count = len(members)
    if count < 2:
        return ()
    sent = -(-2 * (count - 1) * model_bytes // count)
    after = (*members[1:], members[0])
    return tuple(Demand(one, other, sent) for one, other in zip(members, after, strict=True))
