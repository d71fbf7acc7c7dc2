"""Who gets how much of a network at one moment: max-min fair shares, class by class.

A TCP connection is taken for a fluid: of what limits it, it has at once the share that fair queues
would give it. Where ports know classes, a lower class gets what the higher ones leave.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

_REMEMBERED = 256  # of hundreds of flows each, so not without end


class FluidNetwork:
    """The rates of the flows that send at a moment.

    Args:
        capacities: of every port, in bytes per second.
        paths: of every flow, the ports that it crosses, by number.
        classes: of every flow; the lowest is served first.
    """

    def __init__(
        self, capacities: Sequence[float], paths: Sequence[Sequence[int]], classes: Sequence[int]
    ) -> None:
        self._capacities = capacities
        self._paths = paths
        self._classes = classes
        self._known: OrderedDict[frozenset[int], dict[int, float]] = OrderedDict()

    def rates(self, sending: frozenset[int]) -> dict[int, float]:
        """Bytes per second of every flow that sends; 0 for one that higher classes starve."""
        if sending not in self._known:
            self._known[sending] = self._shares(sending)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return self._known[sending]

    def _shares(self, sending: frozenset[int]) -> dict[int, float]:
        left = list(self._capacities)
        rates: dict[int, float] = {}
        for number in sorted({self._classes[flow] for flow in sending}):
            self._fill([flow for flow in sending if self._classes[flow] == number], left, rates)
        return rates

    def _fill(self, flows: Sequence[int], left: list[float], rates: dict[int, float]) -> None:
        """Give the flows of one class their shares of what is left (progressive filling)."""
        through: dict[int, set[int]] = {}
        for flow in flows:
            for port in self._paths[flow]:
                through.setdefault(port, set()).add(flow)
        while through:
            port, share = min(
                ((port, left[port] / len(crossing)) for port, crossing in through.items()),
                key=lambda port_share: port_share[1],
            )
            for flow in tuple(through[port]):
                rates[flow] = share
                for other in self._paths[flow]:
                    left[other] = max(0.0, left[other] - share)
                    through[other].discard(flow)
            through = {port: crossing for port, crossing in through.items() if crossing}
