"""A worker's end of the exchange with parameter servers, whose own end is a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workloads.exchange.board import Board
from workloads.exchange.demand import Demand, server_demands
from workloads.exchange.exchange import End, Ended, Exchange, with_servers
from workloads.exchange.server_way import ServerWay
from workloads.models.profiles import Model
from workloads.schedule.members import Members
from workloads.schedule.owners import server_shares, units_of
from workloads.schedule.schedule import CHOICES
from workloads.schedule.units import Unit
from workloads.transport.spans import Spans


class ParameterServerExchange(Exchange):
    """Pushes gradients to a parameter server, which answers with the parameters of all.

    Of several servers each looks after some units, as if it were the only one.
    """

    honours = CHOICES
    brings_parameters = True

    @classmethod
    def programs(cls, members: Members) -> Mapping[str, str]:
        """The servers, and the workers."""
        return with_servers(members, members.servers)

    @classmethod
    def demands(cls, members: Members, model: Model) -> Sequence[Demand]:
        """Every worker pulls all parameters, and pushes all gradients."""
        return server_demands(server_shares(members, model), members.workers)

    def open(self, end: End) -> None:
        """Connect, and let the threads run."""
        super().open(end)
        job, layout = end.job, end.layout
        self._iteration = 0
        self._board = Board(layout, self._moved, job.silence_seconds)
        self._ways: list[ServerWay] = []
        self._way_of: dict[int, ServerWay] = {}  # by the number of a unit
        for server in job.members.servers:
            units = units_of(layout, job.members, server)
            way = ServerWay(end, server, units, self._board, self._board.arrived)
            self._ways.append(way)
            self._way_of |= dict.fromkeys((unit.number for unit in units), way)
        for way in self._ways:
            way.start()

    def more(self, iteration: int) -> bool:
        """Where workers go on until all have done theirs, the server says which is the last one."""
        return super().more(iteration) or (
            self.end.job.goes_on and all(way.wait_for_more(iteration) for way in self._ways)
        )

    def begin(self, iteration: int) -> int | None:
        """With a step barrier: wait until all servers release it, and ask for all tensors."""
        self._iteration = iteration
        released = None
        if self.end.job.schedule.barrier:
            released = max(way.wait_for_release(iteration) for way in self._ways)
        for way in self._ways:
            way.begin(iteration)
        return released

    def wait(self, layers: Sequence[int]) -> tuple[int, int]:
        """Wait until one of the layers has its parameters."""
        return self._board.wait_for_layer(layers, self._iteration)

    def prepare(self, unit: Unit) -> None:
        """Encode a unit's gradient."""
        self._way_of[unit.number].prepare(unit, self._iteration)

    def give(self, unit: Unit) -> None:
        """Queue a unit's gradient."""
        self._way_of[unit.number].give(unit, self._iteration)

    def sent(self, iteration: int) -> int:
        """Wait until the kernel has taken an iteration's gradients."""
        return max(way.wait_for_push(iteration) or 0 for way in self._ways)

    def fail(self, why: str) -> None:
        """Tell the servers on every flow."""
        for way in self._ways:
            way.fail(why)

    def close(self) -> Ended:
        """Wait until the servers have applied the last iteration of all workers, and disconnect."""
        self.sent(self._iteration)
        over = max(way.wait_for_end() for way in self._ways)
        return Ended(
            over,
            [state for way in self._ways for state in way.close()],
            received=Spans.joined(way.received for way in self._ways),
            sent=Spans.joined(way.sent for way in self._ways),
        )

    def _moved(self) -> int:
        return sum(way.moved for way in self._ways)
