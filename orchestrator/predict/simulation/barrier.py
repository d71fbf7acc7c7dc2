"""Iteration times with a step barrier, by simulation of all workers on the whole topology.

The rules are the dependencies of one synchronous iteration (`pipeline`), with the barrier: all
workers ask for all tensors when the iteration begins, and it ends when all gradients have come.
Each worker has one connection for each direction, which carries whole tensors one after the other;
connections share ports as fluids do (`network`). A worker computes one layer at a time: forward,
the first one whose parameters and inputs are there; then backward from the last layer to the first.

Links' delays count four times: the release and the question for the parameters go before the
pulls, and what is sent last in each direction arrives later than it left.

There are no constants but those of the topology, the model and the devices. Headers beyond TCP's,
and the CPU time of messages are left out.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Mapping, Sequence

from orchestrator.orders import Computation, computation
from orchestrator.predict.bounds.lower import worker_devices
from orchestrator.predict.network.fair_shares import FluidNetwork
from orchestrator.predict.network.server_loads import ServerLoad
from orchestrator.spec import WAYS, ServerExchange
from workloads.models.devices import DeviceModel
from workloads.models.profiles import Model


def computations(
    exchange: ServerExchange, model: Model, devices: Mapping[str, DeviceModel], batch: int
) -> tuple[Computation, ...]:
    """What every worker computes, in the order of the exchange."""
    return tuple(
        computation(model, device, batch) for device in worker_devices(exchange, devices).values()
    )


def network_of(
    exchange: ServerExchange,
    loads: Sequence[ServerLoad],
    *,
    by_worker: bool = False,
    everywhere: bool = False,
    turns: Sequence[int] | None = None,
) -> FluidNetwork:
    """The network of all workers' flows: pulls, then pushes, each in the order of the workers.

    Args:
        exchange: of the loads.
        loads: all of them.
        by_worker: whether contended switch ports serve workers in strict priority.
        everywhere: whether all ports do, those of hosts too.
        turns: of every worker, which ones the parameter server answers first; None: all at once.
            It has one queue then, which waits for the one that it is at.
    """
    contended = set(exchange.demands.contended()) if by_worker else set()
    capacities = [load.goodput_bps / 8 for load in loads]
    paths: list[list[int]] = []
    classes: list[int] = []
    for direction in WAYS:
        for number, worker in enumerate(exchange.workers):
            crossed = [
                (index, load.port)
                for index, load in enumerate(loads)
                if load.direction == direction and worker in load.workers
            ]
            paths.append([index for index, _ in crossed])
            ordered = any(port in contended for _, port in crossed)
            classes.append(number if ordered or everywhere else 0)
    if turns is not None:
        pulls = range(len(exchange.workers))
        # The server's queue as a separate port, which a single worker can fill.
        capacities.append(max(min(capacities[index] for index in paths[pull]) for pull in pulls))
        for pull in pulls:
            paths[pull].append(len(loads))
            classes[pull] = turns[pull]
    return FluidNetwork(capacities, paths, classes)


def barrier_seconds(
    model: Model,
    devices: Sequence[Computation],
    network: FluidNetwork,
    orders: Sequence[Sequence[int]],
    delays: Sequence[tuple[float, float]] | None = None,
    *,
    sizes: tuple[Sequence[int], Sequence[int]] | None = None,
) -> float:
    """Seconds of one iteration.

    Args:
        model: what is trained.
        devices: what every worker computes.
        network: of the workers' pulls, then their pushes.
        orders: of every worker, the numbers of all tensors in the order in which it pulls them.
        delays: of every worker, the seconds from the parameter server to it, and back; None: none.
        sizes: bytes of every tensor as it is pulled, and as it is pushed; None: as the model says.
    """
    delays = delays or [(0.0, 0.0)] * len(devices)
    if sizes is None:
        whole = [tensor.bytes for tensor in model.tensors]
        sizes = whole, whole
    return _Iteration(model, devices, network, orders, delays, sizes=sizes).run()


class _Connection:
    """One worker's tensors in one direction, one after the other."""

    def __init__(self) -> None:
        self.queue: deque[int] = deque()
        self.left = 0.0  # bytes of the tensor that is under way
        self.rate = 0.0
        self.since = 0.0
        self.foreseen = 0  # which of the ends that were foreseen counts


class _Worker:
    """Where a worker's computation is."""

    def __init__(self, model: Model, device: Computation) -> None:
        self.device = device
        self.missing = [len(layer.tensors) for layer in model.layers]
        self.needed = [len(inputs) for inputs in model.graph]
        self.ready = {layer for layer, inputs in enumerate(self.needed) if not inputs}
        self.done = 0
        self.computing = False


class _Iteration:
    """Events in the order of their times, equal ones in the order in which they were foreseen."""

    def __init__(
        self,
        model: Model,
        devices: Sequence[Computation],
        network: FluidNetwork,
        orders: Sequence[Sequence[int]],
        delays: Sequence[tuple[float, float]],
        *,
        sizes: tuple[Sequence[int], Sequence[int]],
    ) -> None:
        self._network = network
        self._pulled, self._pushed = sizes
        self._layer_of = [
            number for number, layer in enumerate(model.layers) for _ in layer.tensors
        ]
        self._tensors: list[list[int]] = [[] for _ in model.layers]
        for tensor, number in enumerate(self._layer_of):
            self._tensors[number].append(tensor)
        self._after: list[list[int]] = [[] for _ in model.layers]
        for number, inputs in enumerate(model.graph):
            for before in inputs:
                self._after[before].append(number)
        self._workers = [_Worker(model, device) for device in devices]
        self._connections = [_Connection() for _ in range(2 * len(devices))]
        self._sending: set[int] = set()
        self._changed = False  # since every connection was given its rate
        self._unpushed = len(model.tensors) * len(devices)
        self._uncomputed = len(devices)
        # (time, number, connection and which foreseen end) or (time, number, worker and layer)
        self._events: list[tuple[float, int, str, int, int]] = []
        self._foreseen = 0
        self._orders = orders
        self._delays = delays
        self._end = 0.0

    def run(self) -> float:
        """When the last gradient has come, and the last layer is computed."""
        now = 0.0
        for worker, (down, up) in enumerate(self._delays):
            if down + up:
                self._at(down + up, "asked", worker, 0)
            else:
                self._asked(now, worker)
        while self._unpushed or self._uncomputed:
            self._share(now)
            now, _, kind, first, second = heapq.heappop(self._events)
            if kind == "asked":
                self._asked(now, first)
            elif kind == "got":
                self._got(now, first, second)
            elif kind == "tensor":
                if second == self._connections[first].foreseen:
                    self._arrived(now, first)
            elif kind == "forward":
                self._forward_done(now, first, second)
            else:
                self._backward_done(now, first, second)
        return self._end

    # -- transfers -------------------------------------------------------------------------------

    def _asked(self, now: float, worker: int) -> None:
        """The parameter server knows what a worker wants, and begins to send it."""
        self._connections[worker].queue.extend(self._orders[worker])
        if self._orders[worker]:
            self._send(now, worker)
        self._compute(now, worker)  # layers without tensors wait for none

    def _send(self, now: float, number: int) -> None:
        """Begin to send; a connection has no rate before `_share` gives it one."""
        self._connections[number].rate = 0.0
        self._sending.add(number)
        self._changed = True
        self._next_tensor(now, number)

    def _next_tensor(self, now: float, number: int) -> None:
        """Begin the tensor at the head of a connection's queue."""
        connection = self._connections[number]
        sizes = self._pulled if number < len(self._workers) else self._pushed
        connection.left = float(sizes[connection.queue[0]])
        connection.since = now
        self._foresee(number)

    def _foresee(self, number: int) -> None:
        connection = self._connections[number]
        connection.foreseen += 1
        if connection.rate > 0:
            end = connection.since + connection.left / connection.rate
            self._at(end, "tensor", number, connection.foreseen)

    def _share(self, now: float) -> None:
        """Give every connection its rate, if others send than before."""
        if not self._changed:
            return
        self._changed = False
        rates = self._network.rates(frozenset(self._sending))
        for number, connection in enumerate(self._connections):
            rate = rates.get(number, 0.0)
            if not connection.queue or math.isclose(rate, connection.rate, rel_tol=1e-12):
                connection.rate = rate
                continue
            connection.left -= (now - connection.since) * connection.rate
            connection.left = max(0.0, connection.left)
            connection.since, connection.rate = now, rate
            self._foresee(number)

    def _arrived(self, now: float, number: int) -> None:
        """A tensor has been carried."""
        connection = self._connections[number]
        tensor = connection.queue.popleft()
        if connection.queue:
            self._next_tensor(now, number)
        else:
            self._sending.discard(number)
            self._changed = True
        if number >= len(self._workers):
            self._unpushed -= 1
            _, up = self._delays[number - len(self._workers)]
            self._end = max(self._end, now + up)
            return
        down, _ = self._delays[number]
        if down:
            self._at(now + down, "got", number, tensor)
        else:
            self._got(now, number, tensor)

    def _got(self, now: float, worker: int, tensor: int) -> None:
        """A worker has a tensor."""
        self._workers[worker].missing[self._layer_of[tensor]] -= 1
        self._compute(now, worker)

    # -- computation -----------------------------------------------------------------------------

    def _compute(self, now: float, number: int) -> None:
        """Begin the next layer of a worker's forward pass, if one can begin."""
        worker = self._workers[number]
        if worker.computing:
            return
        layer = min((layer for layer in worker.ready if not worker.missing[layer]), default=None)
        if layer is not None:
            worker.ready.discard(layer)
            worker.computing = True
            self._at(now + worker.device.forward_seconds[layer], "forward", number, layer)

    def _forward_done(self, now: float, number: int, layer: int) -> None:
        worker = self._workers[number]
        worker.computing = False
        worker.done += 1
        for after in self._after[layer]:
            worker.needed[after] -= 1
            if not worker.needed[after]:
                worker.ready.add(after)
        last = len(worker.missing) - 1
        if worker.done > last:
            self._at(now + worker.device.backward_seconds[last], "backward", number, last)
        else:
            self._compute(now, number)

    def _backward_done(self, now: float, number: int, layer: int) -> None:
        push = len(self._workers) + number
        idle = not self._connections[push].queue
        self._connections[push].queue.extend(self._tensors[layer])
        if idle and self._tensors[layer]:
            self._send(now, push)
        if layer:
            backward = self._workers[number].device.backward_seconds[layer - 1]
            self._at(now + backward, "backward", number, layer - 1)
        else:
            self._uncomputed -= 1
            self._end = max(self._end, now)

    def _at(self, time: float, kind: str, first: int, second: int) -> None:
        heapq.heappush(self._events, (time, self._foreseen, kind, first, second))
        self._foreseen += 1
