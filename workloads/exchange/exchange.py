"""An exchange: how the gradients of all workers become the parameters of each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from workloads.exchange.demand import Demand
from workloads.models.profiles import Model
from workloads.schedule.members import Members
from workloads.schedule.units import Layout, Unit

# What an exchange says of itself is asked for where there is no numpy.
if TYPE_CHECKING:
    from workloads.process.process_records import ConnectionEnd
    from workloads.process.records import Records
    from workloads.process.training import WorkerJob
    from workloads.transport.memory import Arena
    from workloads.transport.spans import Spans


def with_servers(members: Members, servers: Iterable[str]) -> dict[str, str]:
    """Programs by host: our `server` on those, our `worker` on all workers."""
    return {**dict.fromkeys(servers, "server"), **dict.fromkeys(members.workers, "worker")}


@dataclass(frozen=True)
class End:
    """What a worker's end of an exchange has to work with.

    Attributes:
        job: what the worker is told: its number is `job.worker`, all that take part are
            `job.members`, and where each of them listens is `job.peers`.
        layout: of the model: its units, and which of them a layer has.
        arena: the tensors. A layer's parameters must be in them when `wait` returns it; a unit's
            tensor holds its gradient instead of its parameters when `give` is called.
        records: where the worker writes what it notes.
    """

    job: WorkerJob
    layout: Layout
    arena: Arena
    records: Records


@dataclass(frozen=True)
class Ended:
    """How an exchange ended.

    Attributes:
        ended_ns: when the last iteration was over everywhere (monotonic); None: nobody said.
        connections: counters of this worker's connections.
        received: when which chunk came.
        sent: when which chunk went.
        parameters_sha256: digest of the parameters that it ended with; None: it does not know.
        cpu_ns: processor time of the arithmetic that it did.
    """

    ended_ns: int | None = None
    connections: Sequence[ConnectionEnd] = ()
    received: Spans | None = None
    sent: Spans | None = None
    parameters_sha256: str | None = None
    cpu_ns: int = 0


class Exchange(ABC):
    """A worker's end of an aggregation; the worker's main thread calls it.

    For every iteration: `begin`; `wait` until each layer has been returned once; then `give` for
    every unit, from the last layer's to the first's. A worker writes an iteration down when the
    next one has been computed, and asks `sent` of it.

    Attributes:
        honours: the choices of a schedule that it heeds, by their keys in a file: order, place,
            slice, window, not_sent_limit, synchronisation, staleness, switch_order, flows,
            push_codec, pull_codec, averaging (it then applies
            `workloads.training.averaging.shared_update`). A schedule that makes another choice
            with it is refused.
        brings_parameters: whether the first iteration's parameters come from elsewhere. Else every
            worker begins with the same ones, drawn from the seed.
        end: what there is to work with, once it is open.
    """

    honours: ClassVar[frozenset[str]] = frozenset()
    brings_parameters: ClassVar[bool] = False
    end: End

    @classmethod
    def programs(cls, members: Members) -> Mapping[str, str]:
        """Which program runs on which host.

        Args:
            members: the hosts that take part; `members.servers` are those whose role is parameter
                server.

        Returns:
            By host, the name of a program or its `module:Class`. Hosts that are left out run
            nothing; by default workers run `worker`, and nothing else runs.
        """
        return dict.fromkeys(members.workers, "worker")

    @classmethod
    def demands(cls, members: Members, model: Model) -> Sequence[Demand] | None:
        """Who sends how much to whom in an iteration; None: it does not say.

        Paths, classes, windows and the bound follow from it. If it does not say, every host may
        send to every other one, all in one class, and there is no bound.

        Args:
            members: the hosts that take part.
            model: what is trained; `model.bytes` are all its parameters, uncoded.

        Returns:
            At most one demand from a host to another one, in the real system's bytes. An exchange
            that sends nothing returns ().
        """
        return None

    def open(self, end: End) -> None:
        """Get ready: connect to others, for instance. An override must call it."""
        self.end = end

    def more(self, iteration: int) -> bool:
        """Whether the worker does an iteration; by default those that the experiment asks for."""
        return iteration < self.end.job.all_iterations

    def begin(self, iteration: int) -> int | None:
        """Begin an iteration.

        Returns:
            When all workers were let go (monotonic ns), for one that waits for all of them: the
            iteration before has ended then. None: the worker goes on at its own pace.
        """
        return None

    @abstractmethod
    def wait(self, layers: Sequence[int]) -> tuple[int, int]:
        """Wait for a layer's parameters; return the layer, and when they came (ns; 0: no wait).

        Args:
            layers: numbers of layers that could be computed, ascending.

        Returns:
            One of them, and when its parameters came (monotonic ns; 0: they were there).
        """

    def prepare(self, unit: Unit) -> None:
        """Get the gradient of a unit ready to leave: it is in its place, and its time is not over.

        The device takes time for it, if a codec does.
        """

    @abstractmethod
    def give(self, unit: Unit) -> None:
        """Take over the gradient of a unit, which has just been computed."""

    def judged(self) -> Arena:
        """The parameters that are judged by held-out data, between the forward and backward pass.

        They are those that the worker computes with, unless it has parameters of its own.
        """
        return self.end.arena

    def sent(self, iteration: int) -> int | None:
        """Wait until all that an iteration gave has left; when that was (ns), None: at once."""
        return None

    def fail(self, why: str) -> None:
        """Tell others, as far as that is possible without waiting, why this worker gives up."""

    def close(self) -> Ended:
        """End, when all iterations are done: wait for others, close connections."""
        return Ended()
