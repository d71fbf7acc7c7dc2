"""What an exchange demands of a network (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def server_demands(sizes: Mapping[str, int], workers: Sequence[str]) -> tuple[Demand, ...]:
    """Every worker's pull from every parameter server, then every push; a class for each worker.

    Args:
        sizes: of the parameters that a server looks after, in bytes, by its host.
        workers: their hosts.
    """
    several = len(sizes) > 1
    pulls, pushes = [], []
    for server, size in sizes.items():
        of, to = (f" from {server}", f" to {server}") if several else ("", "")
        for one in workers:
            pulls.append(Demand(server, one, size, one, f"pull of {one}{of}"))
            pushes.append(Demand(one, server, size, one, f"push of {one}{to}"))
    return (*pulls, *pushes)


def ring_demands(members: Sequence[str], model_bytes: int) -> tuple[Demand, ...]:
    """What each member of a ring sends to the next one: its bytes, and those of n - 2 others."""
    count = len(members)
    if count < 2:
        return ()
    sent = -(-2 * (count - 1) * model_bytes // count)
    after = (*members[1:], members[0])
    return tuple(Demand(one, other, sent) for one, other in zip(members, after, strict=True))
