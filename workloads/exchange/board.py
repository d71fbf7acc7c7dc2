"""What a worker's main thread waits for: parameters, and whatever else its exchange notes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from threading import Condition, Lock

from workloads.errors import WorkloadError
from workloads.schedule.units import Layout, Unit


class Board:
    """Which layers have their parameters, and what failed; safe between threads.

    Args:
        layout: of the model.
        moved: payload bytes that have moved so far: a sign of life.
        silence: seconds without any traffic after which a wait is given up.
        there: of how many iterations the parameters are there from the start.

    Attributes:
        changed: to be held where something changes that is waited for, and notified.
    """

    def __init__(
        self, layout: Layout, moved: Callable[[], int], silence: float, *, there: int = 0
    ) -> None:
        self._layout = layout
        self._moved = moved
        self._silence = silence
        self._lock = Lock()  # taken in fewer steps than a condition is: every unit takes it
        self.changed = Condition(self._lock)
        self._failure: WorkloadError | None = None
        self._layer_units = [
            sum(len(layout.tensor_units[tensor]) for tensor in tensors)
            for tensors in layout.layer_tensors
        ]
        self._layer_missing = list(self._layer_units)
        self._layer_versions = [there] * len(self._layer_units)
        self._arrived_at = [0] * len(self._layer_units)  # ns

    # -- called by threads that move data --------------------------------------------------------

    def arrived(self, unit: Unit, decoding_ns: int = 0) -> None:
        """Note that all of a unit's next parameters are there.

        Args:
            unit: that has come.
            decoding_ns: how long it took to decode it. The device's own time for that comes after
                the arrival, so this machine's does not count.
        """
        layer = self._layout.tensor_layers[unit.tensor]
        with self._lock:
            self._layer_missing[layer] -= 1
            if not self._layer_missing[layer]:
                self._layer_missing[layer] = self._layer_units[layer]
                self._layer_versions[layer] += 1
                self._arrived_at[layer] = time.monotonic_ns() - decoding_ns
                self.changed.notify_all()

    def fail(self, error: WorkloadError) -> None:
        """Let the main thread raise this error."""
        with self.changed:
            self._failure = self._failure or error
            self.changed.notify_all()

    # -- called by the main thread ---------------------------------------------------------------

    def wait_for_layer(self, layers: Sequence[int], iteration: int) -> tuple[int, int]:
        """Wait until one of the layers has its parameters of an iteration.

        Returns:
            The first of them that has, and when its last came (ns; 0: it has none, or began with
            them).
        """

        def here() -> Iterator[int]:
            return (
                layer
                for layer in layers
                if self._layer_versions[layer] > iteration or not self._layer_units[layer]
            )

        names = ", ".join(map(str, layers))
        self.wait(lambda: any(True for _ in here()), f"the parameters of layer {names}")
        layer = next(here())
        return layer, self._arrived_at[layer]

    def wait_for_all(self, iteration: int) -> int:
        """Wait until all layers have their parameters of an iteration; return when they had (ns).

        0: they began with them.
        """
        layers = [layer for layer, units in enumerate(self._layer_units) if units]
        versions = self._layer_versions
        self.wait(
            lambda: all(versions[layer] > iteration for layer in layers), "all layers' parameters"
        )
        return max((self._arrived_at[layer] for layer in layers), default=0)

    def begun(self, iteration: int) -> bool:
        """Whether a layer has its parameters of an iteration; for `wait`."""
        return any(version > iteration for version in self._layer_versions)

    def wait(self, ready: Callable[[], bool], what: str, silence: float = 0.0) -> None:
        """Wait until a condition holds.

        Args:
            ready: whether it is; called while `changed` is held.
            what: is waited for, for messages.
            silence: seconds, if not those of all waits.

        Raises:
            WorkloadError: something failed, or nothing moved for too long.
        """
        silence = silence or self._silence
        moved, moved_at = -1, time.monotonic()
        with self.changed:
            while not ready():
                if self._failure:
                    raise self._failure
                if not self.changed.wait(min(1.0, silence / 4)):
                    now = self._moved()
                    if now != moved:
                        moved, moved_at = now, time.monotonic()
                    elif time.monotonic() - moved_at > silence:
                        raise WorkloadError(
                            f"nothing moved for {silence:g} s while waiting for {what}"
                        )
