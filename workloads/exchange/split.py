"""Two ways at once: some units go to a parameter server, the others round a ring of the workers.

A linear programme over the topology's links says how much takes which way (`Members.shares`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workloads.exchange.demand import Demand, ring_demands, server_demands
from workloads.exchange.exchange import End, Ended, with_servers
from workloads.exchange.ring import RingExchange
from workloads.exchange.server_way import ServerWay
from workloads.models.profiles import Model
from workloads.schedule.members import Members
from workloads.schedule.owners import layout_of
from workloads.schedule.units import Unit
from workloads.schedule.ways import RING, SERVER, ways
from workloads.transport.spans import Spans


class SplitExchange(RingExchange):
    """Some units go to the parameter server, and the others round the ring."""

    honours = RingExchange.honours - {"bucket", "window"}
    there = 0

    @classmethod
    def programs(cls, members: Members) -> Mapping[str, str]:
        """The server, if it has a share, and the workers."""
        return with_servers(members, members.servers if members.shares[SERVER] else ())

    @classmethod
    def demands(cls, members: Members, model: Model) -> Sequence[Demand]:
        """Its share of the model to the server and back, and the rest round the ring."""
        taken = ways(layout_of(model, members), members.shares)
        size = {way: sum(unit.length for unit in units) for way, units in taken.items()}
        served = dict.fromkeys(members.servers if size[SERVER] else (), size[SERVER])
        return (
            *server_demands(served, members.workers),
            *ring_demands(members.ring, size[RING]),
        )

    def open(self, end: End) -> None:
        """Connect to the server and to the neighbours in the ring, and let the threads run."""
        self._taken = ways(end.layout, end.job.members.shares)
        self._served = {unit.number for unit in self._taken[SERVER]}
        self._server: ServerWay | None = None
        super().open(end)
        # All begin with the same parameters, and the server sends its own.
        for unit in self._taken[RING]:
            self._board.arrived(unit)
        if self._taken[SERVER]:
            (server,) = end.job.members.servers
            units = self._taken[SERVER]
            self._server = ServerWay(end, server, units, self._board, self._board.arrived)
            self._server.start()

    def begin(self, iteration: int) -> int | None:
        """Nothing: the worker continues at its own pace."""
        if self._server:
            self._server.begin(iteration)
        return super().begin(iteration)

    def prepare(self, unit: Unit) -> None:
        """Encode a gradient that goes to the server; round the ring sums are encoded."""
        if self._server and unit.number in self._served:
            self._server.prepare(unit, self._iteration)

    def give(self, unit: Unit) -> None:
        """Send a unit's gradient its way."""
        if self._server and unit.number in self._served:
            self._server.give(unit, self._iteration)
        else:
            super().give(unit)

    def sent(self, iteration: int) -> int | None:
        """Wait until the kernel has taken all that an iteration's gradients are part of."""
        ended = [super().sent(iteration)]
        if self._server:
            ended.append(self._server.wait_for_push(iteration))
        return max((one for one in ended if one is not None), default=None)

    def fail(self, why: str) -> None:
        """Tell the next member of the ring, and the server."""
        super().fail(why)
        if self._server:
            self._server.fail(why)

    def close(self) -> Ended:
        """Wait for the ring's last parameters and for the server's last word, and disconnect."""
        server = self._server
        if server is None:
            return super().close()
        server.wait_for_push(self._iteration)
        over = server.wait_for_end()
        ended = super().close()
        return Ended(
            max(over, ended.ended_ns or 0),
            [*server.close(), *ended.connections],
            received=Spans.joined((server.received, self._way.spans.received)),
            sent=Spans.joined((server.sent, self._way.spans.sent)),
            parameters_sha256=ended.parameters_sha256,
            cpu_ns=ended.cpu_ns,
        )

    def _ring_units(self) -> Sequence[Unit]:
        return self._taken[RING]

    def _moved(self) -> int:
        return super()._moved() + (self._server.moved if self._server else 0)
