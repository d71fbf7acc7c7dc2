"""The exchange and the program of own-exchange.yaml; docs/extending.md says how they are used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workloads.exchange import Exchange, Unit
from workloads.process.events import announce
from workloads.process.job import Job
from workloads.process.records import Records
from workloads.programs import Program


class Alone(Exchange):
    """Every worker keeps its gradients to itself: how fast they compute without any traffic."""

    def wait(self, layers: Sequence[int]) -> tuple[int, int]:
        """The parameters of every layer are there already."""
        return layers[0], 0

    def give(self, unit: Unit) -> None:
        """Nobody gets it."""


class Watched(Alone):
    """The same, with a program of its own on the parameter server's host."""

    @classmethod
    def programs(cls, servers: Sequence[str], workers: Sequence[str]) -> Mapping[str, str]:
        """By host, the name of a program of ours or `module:Class`."""
        watchers = dict.fromkeys(servers, "own_exchange:Watcher")
        return {**watchers, **dict.fromkeys(workers, "worker")}


class Watcher(Program[Job]):
    """Lets the workers begin; a program of yours would do its work here."""

    opens = "ready"

    def run(self, job: Job, records: Records) -> None:
        """Say that others may start, and end."""
        announce("ready", host=job.host)
