"""Which workers' gradients are applied together, and when they are complete."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from threading import Lock

from workloads.schedule.units import Chunk, Layout
from workloads.transport.memory import Arena, Floats


class Contributions(ABC):
    """Gradients as they are delivered, chunk by chunk.

    Args:
        layout: of the gradients.
        gradients: one arena per worker, in worker order.
        contributors: per unit, the numbers of the workers who deliver it, ascending; None: all do.
    """

    def __init__(
        self,
        layout: Layout,
        gradients: Sequence[Arena],
        contributors: Sequence[Sequence[int]] | None = None,
    ) -> None:
        everyone = tuple(range(len(gradients)))
        self._contributors = contributors or [everyone] * len(layout.units)
        self._chunks = [len(unit.chunks) for unit in layout.units]
        self._gradients = gradients
        # Per worker and unit, chunks that are not applied yet.
        self._missing = [list(self._chunks) for _ in gradients]

    @abstractmethod
    def delivered(self, chunk: Chunk) -> bool:
        """Note that a worker has delivered a chunk; whether it can be applied now.

        Any thread may call it.
        """

    @abstractmethod
    def of(self, chunk: Chunk, worker: int) -> Sequence[Floats]:
        """What is applied once a chunk of that worker can be, in worker order."""

    @abstractmethod
    def workers(self, unit: int, worker: int) -> Sequence[int]:
        """Whose contributions to a unit are applied together with that worker's."""

    def applied(self, chunk: Chunk, worker: int) -> bool:
        """Note that it has been applied; whether all of its unit is now."""
        counts = self._missing[worker]
        missing = counts[chunk.unit] - 1
        counts[chunk.unit] = missing or self._chunks[chunk.unit]
        return not missing


class OfAll(Contributions):
    """A chunk is applied when all of its contributors have delivered it."""

    def __init__(
        self,
        layout: Layout,
        gradients: Sequence[Arena],
        contributors: Sequence[Sequence[int]] | None = None,
    ) -> None:
        super().__init__(layout, gradients, contributors)
        self._missing = self._missing[:1] * len(gradients)  # one count, whoever was last
        self._counting = Lock()
        self._deliveries = [0] * len(layout.chunks)

    def delivered(self, chunk: Chunk) -> bool:
        """Whether all have delivered the chunk now."""
        with self._counting:
            delivered = self._deliveries[chunk.number] + 1
            complete = delivered == len(self._contributors[chunk.unit])
            self._deliveries[chunk.number] = 0 if complete else delivered
        return complete

    def of(self, chunk: Chunk, worker: int) -> Sequence[Floats]:
        """Those of all contributors."""
        gradients = self._gradients
        return [gradients[one].values_of(chunk) for one in self._contributors[chunk.unit]]

    def workers(self, unit: int, worker: int) -> Sequence[int]:
        """All contributors."""
        return self._contributors[unit]


class OfEach(Contributions):
    """Every worker's chunk is applied by itself."""

    def delivered(self, chunk: Chunk) -> bool:
        """At once."""
        return True

    def of(self, chunk: Chunk, worker: int) -> Sequence[Floats]:
        """That worker's alone."""
        return (self._gradients[worker].values_of(chunk),)

    def workers(self, unit: int, worker: int) -> Sequence[int]:
        """That worker alone."""
        return (worker,)
