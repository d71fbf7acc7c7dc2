"""Gradients are added up round a ring of workers; there is no parameter server.

Each unit has an owner among the workers, who applies the sum of all gradients to it. Sums come to
the owner hop by hop, and the new parameters go round from it, in the same order on every member
(`ring_state`). No worker waits for a step of the others: a layer's forward pass waits for its own
parameters, or with a step barrier for those of all layers.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import ClassVar

from workloads.exchange.board import Board
from workloads.exchange.buckets import Buckets, Going
from workloads.exchange.demand import Demand, ring_demands
from workloads.exchange.exchange import End, Ended, Exchange
from workloads.exchange.ring_way import RingWay
from workloads.models.profiles import Model
from workloads.schedule.members import Members
from workloads.schedule.owners import owners
from workloads.schedule.units import Chunk, Unit
from workloads.training.averaging import shared_update


class RingExchange(Exchange):
    """Sums go round a ring of workers up to their owners, and parameters go round from them."""

    there: ClassVar[int] = 1
    """Of how many iterations a worker begins with all parameters."""
    honours = frozenset(
        {
            "order",
            "place",
            "slice",
            "not_sent_limit",
            "synchronisation",
            "bucket",
            "window",
            "push_codec",
            "pull_codec",
            "averaging",
        }
    )

    @classmethod
    def demands(cls, members: Members, model: Model) -> Sequence[Demand]:
        """Every worker sends 2(n - 1)/n of the model to the next one; servers have no part."""
        return ring_demands(members.ring, model.bytes)

    def open(self, end: End) -> None:
        """Connect to the neighbours in the ring, and let the threads run."""
        super().open(end)
        job, layout = end.job, end.layout
        self._iteration = 0
        members = job.members.ring
        self._board = Board(layout, self._moved, job.silence_seconds, there=self.there)
        self._buckets: Buckets | None = None
        if job.schedule.bucket_bytes is not None:
            bucket = job.scaled(job.schedule.bucket_bytes)
            window = job.window_bytes if len(members) > 1 else None  # else nothing is on its way
            self._buckets = Buckets(layout, bucket, window)
        units = self._ring_units()
        owner = owners(layout, len(members), units)
        self._way = RingWay(end, members, owner, units, self._board, came=self._came)
        own = [unit for unit in units if members[owner[unit.number]] == job.host]
        self._update = shared_update(job, self._way.parameters, layout, own)
        self._applying = Lock()
        self._way.open(self._apply)

    def begin(self, iteration: int) -> int | None:
        """With a step barrier: wait for the parameters of all layers."""
        self._iteration = iteration
        if not self.end.job.schedule.barrier:
            return None
        return self._board.wait_for_all(iteration) or time.monotonic_ns()

    def wait(self, layers: Sequence[int]) -> tuple[int, int]:
        """Wait until one of the layers has its parameters."""
        return self._board.wait_for_layer(layers, self._iteration)

    def give(self, unit: Unit) -> None:
        """Add a unit's gradient to what has come of it, and pass it on; or a bucket's."""
        if self._buckets:
            self._go(self._buckets.given(unit))
        else:
            self._way.give(unit, self._iteration)

    def sent(self, iteration: int) -> int | None:
        """Wait until the kernel has taken all that an iteration's gradients are part of."""
        return self._way.wait_for_push(iteration)

    def fail(self, why: str) -> None:
        """Tell the next member."""
        self._way.fail(why)

    def close(self) -> Ended:
        """Wait for the last parameters, and disconnect."""
        over = self._way.wait_for_end()
        self._way.wait_for_push(self._iteration)
        connections = self._way.close()
        return Ended(
            over,
            connections,
            received=self._way.spans.received,
            sent=self._way.spans.sent,
            parameters_sha256=self._way.digest(),
            cpu_ns=self._way.cpu_ns + self._update.cpu_ns,
        )

    def _ring_units(self) -> Sequence[Unit]:
        """Those that go round the ring."""
        return self.end.layout.units

    def _moved(self) -> int:
        """Payload bytes that have moved so far."""
        return self._way.moved

    def _came(self, unit: Unit) -> None:
        """A unit has its new parameters."""
        self._board.arrived(unit)
        if self._buckets:
            self._go(self._buckets.back(unit))

    def _go(self, buckets: Iterable[Going]) -> None:
        for units, number in buckets:
            for unit in units:
                self._way.give(unit, number)

    def _apply(self, chunk: Chunk, number: int) -> None:
        with self._applying:  # the arithmetic has one memory for what it makes on the way
            self._update.apply(chunk, (self.end.arena.values_of(chunk),))
        self._way.publish(chunk, number)
