"""Communication schedules: named points in the space of four choices.

**order**: what goes first. **place**: who enforces it, the sending hosts, the switches' ports, or
both. **granularity and window**: the unit that is ordered, and how much may be on its way.
**synchronisation**: what a worker waits for before it goes on.

All bytes are the real system's; they are scaled by D/R like all others. A schedule changes when
something is sent, never what: under every one that is bulk-synchronous the final parameters are the
same, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from workloads.library import HYBRID, IDENTITY, PARAMETER_SERVER, RING, SPLIT
from workloads.schedule import averaging as averagings
from workloads.schedule.averaging import DETAILS, EVERY_STEP, Averaged, AveragingName, Rounds
from workloads.schedule.codec_names import NEEDS_WHOLE, PUSH_ONLY, is_library, parse
from workloads.schedule.kinds import KINDS, SynchronisationName

Place = Literal["nowhere", "host", "switch", "both"]
SwitchOrder = Literal["worker", "layer"]
Groups = int | Literal["racks"]

MIN_FLOWS, MAX_FLOWS = 2, 8

_SERVER_ORDERS = ("worker", "layer-worker", "tic", "tac")
"""Orders of pulls and answers."""


@dataclass(frozen=True)
class Schedule:
    """A communication schedule.

    Attributes:
        name: as experiments name it.
        source: where the rule comes from, and what deviates from it.
        order: what goes first: the name of an order (`orchestrator.orders`), which makes ranks of
            it that the hosts are told. Which orders go with which other choices is checked there.
        place: where an order is enforced: "nowhere" (every flow in one class), "host" (send queues
            of parameter server and workers), "switch" (see `switch_order`), or "both".
        slice_bytes: size of the unit that is ordered and synchronised; None: a whole tensor.
        window_bytes: credit per worker: how much of its pushes may be unanswered; None: what fits
            the socket.
        not_sent_limit_bytes: what a socket may hold that is not yet on its way (TCP_NOTSENT_LOWAT),
            since nothing can overtake it; None: the socket's send buffer.
        synchronisation: "step-barrier": the next iteration starts everywhere when all gradients
            of all workers are applied. "per-tensor", "per-slice": a unit is sent to all workers,
            without their asking, as soon as it has been applied, and a layer's forward pass waits
            for its own parameters only. "stale-synchronous", "asynchronous": a push is applied by
            itself and answered to its worker alone (see `workloads.schedule.paces`).
        staleness: with "stale-synchronous", how many iterations a worker may be ahead.
        switch_order: what switches order by, in strict priority and in both directions: "worker"
            (first worker of the topology first), "layer" (first flow first, whosever it is; see
            `flows`), or None when the place is not the switch.
        flows: with switch_order "layer", how many connections a worker has in each direction. The
            units are split over them in forward order (see `workloads.schedule.flows`), and hosts
            mark each flow with its own class. An order of hosts is then one within each flow.
        push_codec: how gradients travel: the name of a codec (`workloads.schedule.codec_names`).
        pull_codec: how parameters travel back.
        exchange: how gradients of all become the parameters of each: the name of an exchange
            (`workloads.exchange`).
        servers: how many of the placed parameter servers share the units between them
            (`workloads.schedule.owners`); None: the first one has all.
        bucket_bytes: in a ring, the least size of a bucket: tensors are fused as the backward pass
            leaves their gradients, and each bucket goes round as one object. A window is then what
            may have begun and not come back: with less than a bucket, one goes after the other.
            None: units go round by themselves.
        groups: of the exchange "hybrid": "racks" (workers behind one switch; so if it is None), or
            how many consecutive workers are one.
        averaging: "every-step": of gradients, in every iteration; "local", "elastic": of
            parameters that each worker has of its own (see `workloads.schedule.averaging`).
        every: with another one than "every-step", iterations from one exchange to the next.
        alpha: with "elastic", how far a worker goes to the centre.
        beta: with "elastic", how far the centre goes to the workers' mean.
        outer_learning_rate: with "local", of the step to the workers' mean; None: 1, all of it.
        outer_momentum: with "local", Nesterov's of these steps; None: none.

    Raises:
        ValueError: the choices contradict each other.
    """

    name: str
    source: str
    order: str = "random"
    place: Place = "nowhere"
    slice_bytes: int | None = None
    window_bytes: int | None = None
    not_sent_limit_bytes: int | None = None
    synchronisation: SynchronisationName = "step-barrier"
    staleness: int | None = None
    switch_order: SwitchOrder | None = None
    flows: int | None = None
    push_codec: str = IDENTITY
    pull_codec: str = IDENTITY
    exchange: str = PARAMETER_SERVER
    servers: int | None = None
    bucket_bytes: int | None = None
    groups: Groups | None = None
    averaging: AveragingName = EVERY_STEP
    every: int | None = None
    alpha: float | None = None
    beta: float | None = None
    outer_learning_rate: float | None = None
    outer_momentum: float | None = None

    def __post_init__(self) -> None:
        for wrong, why in self._contradictions():
            if wrong:
                raise ValueError(why)
        # People know these by the keys of a file.
        for key in ("slice", "window", "not_sent_limit", "bucket"):
            value = getattr(self, f"{key}_bytes")
            if value is not None and value < 1:
                raise ValueError(f"{key}: must be at least 1, found {value}")

    def _contradictions(self) -> tuple[tuple[bool, str], ...]:
        synchronisation = self.synchronisation
        stale = synchronisation == "stale-synchronous"
        return (
            (
                (self.switch_order is None) == self.at_switch,
                "switch_order: goes with place 'switch' or 'both', and only with them",
            ),
            (
                (self.flows is None) == (self.switch_order == "layer"),
                "flows: goes with switch_order 'layer', and only with it",
            ),
            (
                self.flows is not None and not MIN_FLOWS <= self.flows <= MAX_FLOWS,
                f"flows: must be from {MIN_FLOWS} to {MAX_FLOWS}, found {self.flows}",
            ),
            (
                self.flows is not None and self.window_bytes is not None,
                "window: with a credit, flows that are not urgent could delay the urgent one",
            ),
            (
                synchronisation == "per-slice" and self.slice_bytes is None,
                "slice: missing, but synchronisation is 'per-slice'",
            ),
            (
                synchronisation == "per-tensor" and self.slice_bytes is not None,
                "slice: synchronisation by tensor has no smaller unit",
            ),
            (
                self.window_bytes is not None and self.barrier and self.exchange != RING,
                "window: with a step barrier no push is answered",
            ),
            (
                self.window_bytes is not None and stale,
                "window: an answer may wait for what the window holds back",
            ),
            (
                stale == (self.staleness is None),
                "staleness: goes with 'stale-synchronous', and only with it",
            ),
            (
                self.staleness is not None and self.staleness < 0,
                f"staleness: must be at least 0, found {self.staleness}",
            ),
            (
                self.groups is not None and self.exchange != HYBRID,
                f"groups: goes with the exchange {HYBRID!r}, and only with it",
            ),
            (
                isinstance(self.groups, int) and self.groups < 1,
                f"groups: must be 'racks' or at least 1, found {self.groups}",
            ),
            (
                self.exchange == HYBRID and self.at_switch,
                "place: switches order by worker, but a worker's link carries others' bytes here",
            ),
            (
                self.servers is not None and self.exchange != PARAMETER_SERVER,
                f"servers: goes with the exchange {PARAMETER_SERVER!r}, and only with it",
            ),
            (
                self.servers is not None and self.servers < 1,
                f"servers: must be at least 1, found {self.servers}",
            ),
            (
                (self.servers or 1) > 1 and not self.bulk_synchronous,
                "servers: where workers do not wait for each other, only a server that has all "
                "units knows the last iteration",
            ),
            *self._ring_contradictions(),
            *self._codec_contradictions(),
            *averagings.contradictions(self),
        )

    def _ring_contradictions(self) -> tuple[tuple[bool, str], ...]:
        ring, fused = self.exchange == RING, self.bucket_bytes is not None
        return (
            (
                ring and not self.bulk_synchronous,
                "synchronisation: in a ring no worker's gradient is applied by itself",
            ),
            (
                ring and self.order in _SERVER_ORDERS,
                f"order: {self.order!r} orders what a parameter server sends, and a ring has none",
            ),
            (
                self.exchange == SPLIT and self.barrier,
                "synchronisation: server and ring of a split share no step barrier; say "
                "`per-slice` or `per-tensor`",
            ),
            (
                self.exchange == SPLIT and not self.bulk_synchronous,
                "synchronisation: in a ring no worker's gradient is applied by itself",
            ),
            (
                self.exchange == SPLIT
                and self.order in _SERVER_ORDERS
                and self.order != "layer-worker",
                f"order: {self.order!r} orders what a parameter server sends, and a ring has none",
            ),
            (fused and not ring, f"bucket: goes with the exchange {RING!r}, and only with it"),
            (
                fused and self.at_host,
                "place: buckets go in the order in which a backward pass leaves them; leave "
                "`place` out",
            ),
            (fused and self.slice_bytes is not None, "slice: whole tensors are fused to a bucket"),
            (
                ring and self.window_bytes is not None and not fused,
                "window: in a ring it counts buckets that have not come back; say `bucket`",
            ),
        )

    def _codec_contradictions(self) -> Iterator[tuple[bool, str]]:
        for key, codec in (("push_codec", self.push_codec), ("pull_codec", self.pull_codec)):
            if not is_library(codec):
                continue
            try:
                kind = parse(codec).kind
            except ValueError as error:
                yield True, f"{key}: {error}"
                continue
            yield (
                kind in NEEDS_WHOLE and self.slice_bytes is not None,
                f"{key}: {kind} codes whole tensors: leave slice out",
            )
            yield (
                key == "pull_codec" and kind in PUSH_ONLY,
                f"pull_codec: {kind} is for pushes only: {PUSH_ONLY.get(kind, '')}",
            )

    @property
    def barrier(self) -> bool:
        """Whether workers wait for each other at the end of every iteration."""
        return KINDS[self.synchronisation].asked

    @property
    def bulk_synchronous(self) -> bool:
        """Whether gradients of all workers are applied together: the result is always the same."""
        return KINDS[self.synchronisation].together

    @property
    def one_server(self) -> bool:
        """Whether one parameter server has all units."""
        return self.exchange == PARAMETER_SERVER and (self.servers or 1) == 1

    @property
    def sends_model(self) -> bool:
        """Whether each iteration moves all of the model to one server and back, uncoded."""
        return self.one_server and not self.coded and not self.averages

    @property
    def coded(self) -> bool:
        """Whether a codec makes other bytes of what is sent."""
        return (self.push_codec, self.pull_codec) != (IDENTITY, IDENTITY)

    @property
    def averages(self) -> bool:
        """Whether each worker has parameters of its own, which are averaged once in a while."""
        return self.averaging != EVERY_STEP

    @property
    def averaged(self) -> Averaged:
        """How: what trainings must have in common to end with the same parameters."""
        return (self.averaging, *(getattr(self, key) for key in DETAILS))

    @property
    def every_step(self) -> Schedule:
        """The same with an exchange in every iteration."""
        details: dict[str, Any] = dict.fromkeys(DETAILS)
        return replace(self, averaging=EVERY_STEP, **details)

    def rounds(self, iterations: int) -> Rounds:
        """Which of so many iterations exchange; under `every-step` each is a round."""
        return Rounds(iterations, self.every or 1)

    @property
    def flow_count(self) -> int:
        """Connections that a worker has in each direction."""
        return self.flows or 1

    @property
    def at_host(self) -> bool:
        """Whether the hosts' send queues enforce the order."""
        return self.place in ("host", "both")

    @property
    def at_switch(self) -> bool:
        """Whether the switches' ports enforce an order."""
        return self.place in ("switch", "both")


UNSCHEDULED = "none"
"""The schedule that orders nothing: a random order, enforced nowhere, and a step barrier."""

CHOICES: frozenset[str] = frozenset(
    each.name.removesuffix("_bytes")
    for each in fields(Schedule)
    if each.name not in ("name", "source", "exchange", *DETAILS)
)
"""The choices that an exchange may honour, by their keys in a file."""


def chosen(schedule: Schedule) -> tuple[str, ...]:
    """Which of these choices a schedule makes: those that are not the default."""
    return tuple(
        key
        for each in fields(Schedule)
        if (key := each.name.removesuffix("_bytes")) in CHOICES
        and getattr(schedule, each.name) != each.default
    )
