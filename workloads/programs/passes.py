"""What a worker's passes through its model wait for, and where their gradients go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workloads.errors import WorkloadError
from workloads.exchange.exchange import Exchange
from workloads.schedule.units import Layout
from workloads.training.clock import Clock
from workloads.training.compute import Gate, Pass
from workloads.transport.memory import Arena
from workloads.transport.spans import Spans


class Passes(Gate):
    """The gate between a worker's computation and its exchange.

    Args:
        exchange: where parameters come from, and gradients go to.
        layout: of the model.
        spans: where to note what was waited for and computed: `waited`, `forward`, `backward`.
        clock: of the times.

    Attributes:
        pull_done: when the last parameters of the iteration came (ns).
    """

    def __init__(
        self, exchange: Exchange, layout: Layout, spans: Mapping[str, Spans], clock: Clock
    ) -> None:
        self._exchange = exchange
        self._layout = layout
        self._spans = spans
        self._clock = clock
        self._iteration = self._started = self.pull_done = 0

    def begin(self, iteration: int, started: int) -> None:
        """Begin an iteration, which started then (ns)."""
        self._iteration, self._started, self.pull_done = iteration, started, 0

    def wait(self, layers: Sequence[int]) -> tuple[int, int]:
        """Wait until one of the layers has its parameters, and note for how long."""
        wait_began = self._clock.now()
        layer, arrived = _answered(self._exchange.wait(layers), layers)
        if arrived > wait_began:
            self._spans["waited"].note(self._iteration, layer, wait_began, self._clock.now())
        self.pull_done = max(self.pull_done, arrived)
        return layer, max(self._started, arrived)

    def computed(self, kind: Pass, layer: int, begin: int, ended: int) -> None:
        """Note when a layer was computed."""
        self._spans[kind].note(self._iteration, layer, begin, ended)

    def prepare(self, tensor: int) -> None:
        """Let the exchange get a tensor's units ready."""
        for unit in self._layout.tensor_units[tensor]:
            self._exchange.prepare(unit)

    def judged(self) -> Arena:
        """What the exchange says."""
        return self._exchange.judged()

    def give(self, tensor: int) -> None:
        """Hand a tensor's units to the exchange."""
        for unit in self._layout.tensor_units[tensor]:
            self._exchange.give(unit)


def _answered(answer: object, layers: Sequence[int]) -> tuple[int, int]:
    """What the `wait` of an exchange returned, which may be anybody's code."""
    match answer:
        case (int(layer), int(arrived)) if layer in layers:
            return layer, arrived
    raise WorkloadError(
        f"the exchange's wait() must return one of the layers {list(layers)} and when its "
        f"parameters came (ns, 0: they were there), found {answer!r}"
    )
