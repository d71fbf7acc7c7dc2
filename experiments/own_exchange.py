"""The exchange and the program of own-exchange.yaml; docs/extending.md says how they are used."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

from workloads.exchange import Demand, End, Ended, Exchange, Members, Model, Unit
from workloads.exchange.links import meet
from workloads.process.events import announce
from workloads.process.job import Job
from workloads.process.records import Records
from workloads.programs import Program
from workloads.training.update import Sgd
from workloads.transport.memory import Arena


class Alone(Exchange):
    """Every worker keeps its gradients to itself: how fast they compute without any traffic."""

    @classmethod
    def demands(cls, members: Members, model: Model) -> Sequence[Demand]:
        """Nobody sends anything."""
        return ()

    def wait(self, layers: Sequence[int]) -> tuple[int, int]:
        """The parameters of every layer are there already."""
        return layers[0], 0

    def give(self, unit: Unit) -> None:
        """Nobody gets it."""


class Watched(Alone):
    """The same, with its own program on the parameter server's host."""

    @classmethod
    def programs(cls, members: Members) -> Mapping[str, str]:
        """By host, the name of a library program or `module:Class`."""
        watchers = dict.fromkeys(members.servers, "own_exchange:Watcher")
        return {**watchers, **dict.fromkeys(members.workers, "worker")}


class Watcher(Program[Job]):
    """Lets the workers begin; your program would do its work here."""

    opens = "ready"

    def run(self, job: Job, records: Records) -> None:
        """Say that others may start, and end."""
        announce("ready", host=job.host)


class EveryoneToEveryone(Exchange):
    """Every worker sends its gradients to all others, and applies the mean of all."""

    @classmethod
    def demands(cls, members: Members, model: Model) -> Sequence[Demand]:
        """The whole model, from every worker to every other one."""
        pairs = permutations(members.workers, 2)
        return [Demand(one, other, model.bytes) for one, other in pairs]

    def open(self, end: End) -> None:
        """Connect to all others, and make room for what they send."""
        super().open(end)
        names = end.job.workers
        self.others = [name for name in names if name != end.job.host]
        self.links = meet(end, to=self.others, of=self.others)
        self.gradients = {name: Arena(end.layout) for name in self.others}
        self.gradients[end.job.host] = end.arena
        self.parameters = Arena(end.layout)
        self.parameters.values[:] = end.arena.values
        self.update = Sgd(self.parameters, len(names), end.job.learning_rate)

    def begin(self, iteration: int) -> int | None:
        """Exchange what the iteration before has made; that one ends for all of them then."""
        if iteration:
            self.exchange()
        return time.monotonic_ns()

    def wait(self, layers: Sequence[int]) -> tuple[int, int]:
        """All parameters are there when an iteration begins."""
        return layers[0], 0

    def give(self, unit: Unit) -> None:
        """It stays where it is until all have been computed."""

    def close(self) -> Ended:
        """Exchange the last gradients as well."""
        self.exchange()
        return Ended(time.monotonic_ns(), self.links.close())

    def exchange(self) -> None:
        """Send and receive at the same time, then apply all gradients in the workers' order."""
        own = self.end.arena
        with ThreadPoolExecutor(max(1, len(self.others))) as pool:
            sent = [pool.submit(self.links.send, name, own.bytes) for name in self.others]
            for name in self.others:
                self.links.receive(name, self.gradients[name].bytes)
            for one in sent:
                one.result()
        for chunk in self.end.layout.chunks:
            given = [self.gradients[name].values_of(chunk) for name in self.end.job.workers]
            self.update.apply(chunk, given)
        own.values[:] = self.parameters.values
