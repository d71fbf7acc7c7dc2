"""Which part of the training runs on which host (pure).

A topology has hosts, links and hardware; the placement says who does what on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

ALONE = "one worker and no parameter server: nothing would cross the network"
"""What is wrong with a placement of one worker and nobody else."""


@dataclass(frozen=True)
class Placement:
    """The hosts of each part, by name. Hosts that are not in it have no part.

    Attributes:
        servers: of the parameter servers; none where workers exchange among themselves. Which of
            them a schedule uses is its choice; most have the first one only.
        workers: in the order in which their gradients are summed; at least one.
    """

    servers: tuple[str, ...]
    workers: tuple[str, ...]

    @property
    def server(self) -> str:
        """The host of the first parameter server, which is the only one of most schedules.

        Empty: there is none.
        """
        return next(iter(self.servers), "")

    @property
    def probed(self) -> Placement:
        """Who sends what fills the links for a look at them: all workers, to and from a server.

        Where there is no server the first worker stands in for one.
        """
        return self if self.servers else Placement(self.workers[:1], self.workers[1:])

    def resolved(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {part: list(hosts) for part, hosts in asdict(self).items()}

    @classmethod
    def from_resolved(cls, record: Mapping[str, Any]) -> Placement:
        """The placement that `resolved` wrote.

        Raises:
            KeyError, TypeError: a part is missing.
        """
        return cls(tuple(record["servers"]), tuple(record["workers"]))

    @classmethod
    def of_roles(cls, roles: Mapping[str, str | None]) -> Placement:
        """The placement that hosts' roles stand for: "ps", "worker" or none, in their order."""

        def those(wanted: str) -> tuple[str, ...]:
            return tuple(name for name, role in roles.items() if role == wanted)

        return cls(those("ps"), those("worker"))
