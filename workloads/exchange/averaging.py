"""Averaging once in a while: a worker's own parameters, around any exchange of every step.

What an exchange of every step is for, is done once a round: it is given what the workers average,
in place of gradients, and what it brings is what all share. Its iterations are the rounds. In
between a worker changes its own parameters with the experiment's optimizer, and waits for nobody.

The last iteration of a round exchanges. Under `local`, the next one begins with what comes. Under
`elastic` what comes may take its time: the next exchange needs it, an iteration or many later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workloads.exchange.exchange import End, Ended, Exchange
from workloads.schedule.units import Unit
from workloads.training.averaging import Attraction
from workloads.training.update import Update, update_of
from workloads.transport.memory import Arena
from workloads.transport.spans import first_kept


class Averaging(Exchange):
    """A worker's own training between exchanges.

    Args:
        inner: exchanges of every step, of which one iteration is a round here.
    """

    def __init__(self, inner: Exchange) -> None:
        self.inner = inner
        self._iteration = 0
        self._prepared: set[int] = set()
        self._came: dict[int, int] = {}  # by layer, when what is shared came in this round (ns)

    @property
    def brings_parameters(self) -> bool:  # type: ignore[override]
        """As the exchange does."""
        return self.inner.brings_parameters

    def open(self, end: End) -> None:
        """Open the exchange, with other memory than the worker computes in."""
        super().open(end)
        job, layout = end.job, end.layout
        self._rounds = job.rounds
        self._own, self._shared = Arena(layout), Arena(layout)
        self._shared.values[:] = end.arena.values
        self._step: Update = update_of(
            self._own, layout, 1, job.learning_rate, job.learning.optimizer
        )
        alpha = job.schedule.alpha
        self._attraction = None if alpha is None else Attraction(alpha)
        self.inner.open(replace(end, job=job.in_rounds(), arena=self._shared))

    def more(self, iteration: int) -> bool:
        """Whether the worker does an iteration: as many as the experiment asks for."""
        rounds = self._rounds
        return super().more(iteration) and (
            not rounds.begins(iteration) or self.inner.more(rounds.of(iteration))
        )

    def begin(self, iteration: int) -> int | None:
        """Begin a round where it has its first iteration."""
        self._iteration = iteration
        if not self._rounds.begins(iteration):
            return None
        self._came = {}
        return self.inner.begin(self._rounds.of(iteration))

    def wait(self, layers: Sequence[int]) -> tuple[int, int]:
        """Wait for what is shared in the iteration that needs it; else all is there."""
        if not self._needs_shared():
            return layers[0], 0
        layer, came = self._wait(layers)
        if self._attraction is None or not self._iteration:
            for tensor in self.end.layout.layer_tensors[layer]:
                shared = self._shared.tensor(tensor)
                self._own.tensor(tensor)[:] = shared
                self.end.arena.tensor(tensor)[:] = shared
        return layer, came

    def prepare(self, unit: Unit) -> None:
        """Take the worker's own step; at the end of a round, prepare what is averaged."""
        self._take_step(unit)
        self._prepared.add(unit.number)
        if self._rounds.exchanges(self._iteration):
            self.inner.prepare(unit)

    def give(self, unit: Unit) -> None:
        """Hand over what is averaged where a round ends."""
        if unit.number not in self._prepared:
            self._take_step(unit)
        self._prepared.discard(unit.number)
        if self._rounds.exchanges(self._iteration):
            self.inner.give(unit)

    def _take_step(self, unit: Unit) -> None:
        exchanges = self._rounds.exchanges(self._iteration)
        for chunk in unit.chunks:
            own, shared = self._own.values_of(chunk), self._shared.values_of(chunk)
            if exchanges and self._attraction is not None:
                self._attraction.apply(own, shared)
            gradient = self.end.arena.values_of(chunk)
            self._step.apply(chunk, (gradient,))
            gradient[:] = own  # the next pass computes with them
            if exchanges and self._attraction is None:
                shared -= own

    def sent(self, iteration: int) -> int | None:
        """Wait until what a round gave has left."""
        if not self._rounds.exchanges(iteration):
            return None
        return self.inner.sent(self._rounds.of(iteration))

    def fail(self, why: str) -> None:
        """As the exchange does."""
        self.inner.fail(why)

    def close(self) -> Ended:
        """End the exchange; its spans get the numbers of their iterations."""
        ended = self.inner.close() or Ended()
        rounds = self._rounds
        kept = first_kept(rounds.iterations)
        received, sent = ended.received, ended.sent
        return replace(
            ended,
            cpu_ns=ended.cpu_ns + self._step.cpu_ns,
            received=received and received.renumbered(rounds.first, kept),
            sent=sent and sent.renumbered(rounds.last, kept),
        )

    def judged(self) -> Arena:
        """What all share, once all of it has come in this round."""
        layers = range(len(self.end.layout.layer_tensors))
        while missing := [layer for layer in layers if layer not in self._came]:
            self._wait(missing)
        return self._shared

    def _wait(self, layers: Sequence[int]) -> tuple[int, int]:
        """Wait for what is shared of a layer, once a round."""
        layer = next((layer for layer in layers if layer in self._came), None)
        if layer is None:
            layer, came = self.inner.wait(layers)
            self._came[layer] = came
        return layer, self._came[layer]

    def _needs_shared(self) -> bool:
        """Whether an iteration needs what the round before has brought."""
        if self._attraction is None or not self._iteration:
            return self._rounds.begins(self._iteration)
        return self._rounds.exchanges(self._iteration) and self._rounds.of(self._iteration) > 0
