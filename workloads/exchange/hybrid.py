"""Rings inside of groups of workers, and a parameter server across the groups.

Each unit has an owner in every group. The gradients of a group go round its ring to the owner, who
pushes their sum to the server, gets the parameters back, and sends them round the ring. So between
a group and the server each unit crosses once each way, however many workers the group has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock

from workloads.exchange.board import Board
from workloads.exchange.demand import Demand, ring_demands
from workloads.exchange.exchange import End, Ended, Exchange, with_servers
from workloads.exchange.ring_way import RingWay
from workloads.exchange.server_way import ServerWay
from workloads.models.profiles import Model
from workloads.schedule.members import Members
from workloads.schedule.owners import member_shares, owned, owners
from workloads.schedule.units import Chunk, Unit
from workloads.transport.spans import Spans


class HybridExchange(Exchange):
    """Sums go round each group up to their owners, who exchange them with the server."""

    honours = frozenset(
        {
            "order",
            "place",
            "slice",
            "not_sent_limit",
            "synchronisation",
            "staleness",
            "groups",
            "push_codec",
            "pull_codec",
            "averaging",
        }
    )
    brings_parameters = True

    @classmethod
    def programs(cls, members: Members) -> Mapping[str, str]:
        """A server, and the workers."""
        return with_servers(members, members.servers)

    @classmethod
    def demands(cls, members: Members, model: Model) -> Sequence[Demand]:
        """What is owned goes to the server and comes back; the rest goes round the ring."""
        (server,) = members.servers
        shares = member_shares(members, model)
        pulls = (Demand(server, one, shares[one], one, f"pull of {one}") for one in shares)
        pushes = (Demand(one, server, shares[one], one, f"push of {one}") for one in shares)
        rings = (ring_demands(group, model.bytes) for group in members.groups)
        return (*pulls, *pushes, *(one for ring in rings for one in ring))

    def open(self, end: End) -> None:
        """Connect to the neighbours in the ring and to the server, and let the threads run."""
        super().open(end)
        job, layout = end.job, end.layout
        self._iteration = 0
        group = job.members.group_of(job.host)
        owner = owners(layout, len(group))
        self._board = Board(layout, self._moved, job.silence_seconds)
        self._ring = RingWay(
            end,
            group,
            owner,
            layout.units,
            self._board,
            came=self._board.arrived,
            coded=self._coded,
        )
        # New parameters go on from where the ring keeps them: the worker computes in its own.
        self._server = ServerWay(
            end,
            job.members.servers[0],
            owned(layout, owner, group.index(job.host)),
            self._board,
            self._came,
            into=self._ring.parameters,
        )
        self._server.keep_payloads()
        self._not_summed = [len(unit.chunks) for unit in layout.units]
        self._counting = Lock()
        self._versions = [0] * len(layout.units)  # parameters that have come from the server
        self._ring.open(self._summed)
        self._server.start()

    def more(self, iteration: int) -> bool:
        """Where groups have paces of their own, the server says which iteration is the last."""
        return super().more(iteration) or (
            self.end.job.goes_on and self._server.wait_for_more(iteration)
        )

    def begin(self, iteration: int) -> int | None:
        """With a step barrier: wait until the server releases it, and ask for what is owned."""
        self._iteration = iteration
        released = None
        if self.end.job.schedule.barrier:
            released = self._server.wait_for_release(iteration)
        self._server.begin(iteration)
        return released

    def wait(self, layers: Sequence[int]) -> tuple[int, int]:
        """Wait until one of the layers has its parameters."""
        return self._board.wait_for_layer(layers, self._iteration)

    def give(self, unit: Unit) -> None:
        """Add a unit's gradient to what has come of it, and pass it on."""
        self._ring.give(unit, self._iteration)

    def sent(self, iteration: int) -> int | None:
        """Wait until the kernel has taken all that an iteration's gradients are part of."""
        ways = (self._ring, self._server)
        return max(way.wait_for_push(iteration) or 0 for way in ways) or None

    def fail(self, why: str) -> None:
        """Tell the next member, and the server."""
        self._ring.fail(why)
        self._server.fail(why)

    def close(self) -> Ended:
        """Wait until the server has applied the last iteration of all workers, and disconnect."""
        self.sent(self._iteration)
        over = self._server.wait_for_end()
        connections = [*self._server.close(), *self._ring.close()]
        of_ring = self._ring.spans
        return Ended(
            over,
            connections,
            received=Spans.joined((of_ring.received, self._server.received)),
            sent=Spans.joined((of_ring.sent, self._server.sent)),
            cpu_ns=self._ring.cpu_ns,
        )

    def _moved(self) -> int:
        return self._ring.moved + self._server.moved

    def _summed(self, chunk: Chunk, number: int) -> None:
        """A chunk that this worker owns has the gradients of its group; push whole units."""
        unit = self.end.layout.units[chunk.unit]
        with self._counting:  # the main thread and the one that receives both call
            missing = self._not_summed[unit.number] - 1
            self._not_summed[unit.number] = missing or len(unit.chunks)
        if not missing:
            self._server.give(unit, number)

    def _coded(self, unit: Unit) -> memoryview:
        return self._server.kept(unit)

    def _came(self, unit: Unit, decoding_ns: int) -> None:
        """The server's parameters of a unit have come; send them round, as they came if coded."""
        del decoding_ns  # the ring decodes them
        number = self._versions[unit.number]
        self._versions[unit.number] = number + 1
        for chunk in unit.chunks:
            self._ring.publish(chunk, number)
