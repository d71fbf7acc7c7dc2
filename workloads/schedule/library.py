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

from workloads.errors import unknown_name
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
                "window: a credit would let flows that are not urgent hold the urgent one up",
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
                self.exchange == HYBRID and synchronisation not in ("per-tensor", "per-slice"),
                "synchronisation: 'per-tensor' or 'per-slice': in a group each unit goes on as "
                "soon as it can",
            ),
            (
                self.exchange == HYBRID and self.at_switch,
                "place: switches order by worker, and a worker's bytes are also others' here",
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
                "servers: of workers that do not wait for each other, only one server that has all "
                "units knows which iteration is the last one",
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
                f"order: {self.order!r} is one of what a parameter server sends, and a ring has "
                "none",
            ),
            (
                self.exchange == SPLIT and self.barrier,
                "synchronisation: the ways of a split have no step in common; say `per-slice` or "
                "`per-tensor`",
            ),
            (
                self.exchange == SPLIT and not self.bulk_synchronous,
                "synchronisation: in a ring no worker's gradient is applied by itself",
            ),
            (
                self.exchange == SPLIT
                and self.order in _SERVER_ORDERS
                and self.order != "layer-worker",
                f"order: {self.order!r} is one of what a parameter server sends, and a ring has "
                "none",
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


_ELEMENT = 4  # bytes of a float32; the publications count parameters
_NOT_SENT_LIMIT = 64 * 1024

SCHEDULES: tuple[Schedule, ...] = (
    Schedule(
        name=UNSCHEDULED,
        source=(
            "TensorFlow 1.x parameter server, the unscheduled column of the published experiment: "
            "all receives are issued when the step starts, so they arrive in an effectively random "
            "order"
        ),
    ),
    Schedule(
        name="switch-priority",
        place="switch",
        switch_order="worker",
        source=(
            "the scheduled column of the published experiment, 'Accelerate DML with communication "
            "schedule' (network priority scheduling at the switch). The page does not state the "
            "rule: strict priority between workers, in fixed order and both directions, at the "
            "trunk's two switch ports is our inference, because it reproduces the published figures"
        ),
    ),
    Schedule(
        name="fifo",
        order="generation",
        synchronisation="per-tensor",
        source=(
            "wait-free backpropagation: Poseidon, ATC'17. Whole tensors, pushed as the backward "
            "pass finishes them, the output layer first; no step barrier. The second baseline: "
            "plain overlap. Deviation: the server answers without being asked (a pull that waits "
            "behind its worker's own pushes undoes the overlap)"
        ),
    ),
    Schedule(
        name="fifo-sliced",
        order="generation",
        slice_bytes=40_000 * _ELEMENT,
        synchronisation="per-slice",
        source="as fifo, in p3's slices: what slicing alone gains",
    ),
    Schedule(
        name="staggered-workers",
        order="worker",
        place="host",
        source=(
            "ours: what switch-priority does, without the switches. The parameter server answers "
            "the pulls of one worker after the other, so that each computes and pushes while the "
            "next one pulls, and both directions of the trunk are busy in spite of the step barrier"
        ),
    ),
    Schedule(
        name="tic",
        order="tic",
        place="host",
        source=(
            "TicTac's timing-independent order, MLSys'19: pulls by ascending smallest total number "
            "of transfers of any operation that waits for more than one. Deviation: the order is "
            "that of the pull requests, which the server answers as they come, where the "
            "publication counts at the sender; with all requests in one message it is the same"
        ),
    ),
    Schedule(
        name="tac",
        order="tac",
        place="host",
        source=(
            "TicTac's timing-aware order, MLSys'19. Deviation: times are those of the device model "
            "and of the bytes, not traced; pulls are ordered as under tic"
        ),
    ),
    Schedule(
        name="r2sp",
        order="worker",
        place="host",
        synchronisation="asynchronous",
        source=(
            "R2SP, round-robin synchronous parallel, INFOCOM'19, after its abstract: one worker "
            "after the other pushes its gradients and has the link to itself; each push is applied "
            "at once, and its worker goes on with the updated parameters. Not bulk-synchronous: "
            "every gradient is as many updates behind as there are other workers. Deviation: the "
            "published turns are evenly gapped in time; here a turn ends when its last gradient is "
            "applied, and the next one begins"
        ),
    ),
    Schedule(
        name="p3",
        order="layer",
        place="host",
        slice_bytes=40_000 * _ELEMENT,
        not_sent_limit_bytes=_NOT_SENT_LIMIT,
        synchronisation="per-slice",
        source=(
            "P3, priority-based parameter propagation, MLSys'19: slices of 40,000 parameters, the "
            "layer that is needed first goes first, the last push of a slice triggers the answer "
            "to all workers. Deviations: the published server's answers bypass its priority queue, "
            "ours do not; what is bounded is the socket (TCP_NOTSENT_LOWAT), not one message"
        ),
    ),
    Schedule(
        name="bytescheduler",
        order="layer",
        place="host",
        slice_bytes=1_000_000 * _ELEMENT,
        window_bytes=4_000_000 * _ELEMENT,
        not_sent_limit_bytes=_NOT_SENT_LIMIT,
        synchronisation="per-slice",
        source=(
            "ByteScheduler, SOSP'19: partitions of 1,000,000 parameters for parameter servers, a "
            "credit of 4,000,000; a head that finds no credit waits; credit returns with the "
            "answer. Deviation: a head that is more urgent than all that is on its way does not "
            "wait, or two workers that have spent their credit on different partitions would wait "
            "for each other for ever"
        ),
    ),
    Schedule(
        name="planned-order",
        order="planned",
        place="host",
        slice_bytes=40_000 * _ELEMENT,
        not_sent_limit_bytes=_NOT_SENT_LIMIT,
        synchronisation="per-slice",
        source=(
            "ours: as p3, but all workers push in one order, planned for the model, its compute "
            "times and the path, and the parameter server orders its answers over all workers "
            "together. Under p3 each worker sends what is most urgent at its own moment, so they "
            "push different slices, few are complete, and the direction of the answers runs empty"
        ),
    ),
    Schedule(
        name="geryon",
        order="generation",
        place="switch",
        slice_bytes=40_000 * _ELEMENT,
        synchronisation="per-slice",
        switch_order="layer",
        flows=4,
        source=(
            "after the abstract of Geryon, INFOCOM'20: several flows with different priorities "
            "carry parameters of different urgency, switches serve the urgent ones first, hosts "
            "order nothing; with parameter slicing. Of the rest we know nothing, so it is ours: "
            "four flows, each with a quarter of the model's bytes, the first layers on the most "
            "urgent one; p3's slices; priorities in both directions, at contended switch ports "
            "only. Compare with fifo-sliced, which is the same in one flow"
        ),
    ),
    Schedule(
        name="ring",
        exchange=RING,
        order="planned",
        place="host",
        slice_bytes=80_000 * _ELEMENT,
        not_sent_limit_bytes=_NOT_SENT_LIMIT,
        synchronisation="per-slice",
        source=(
            "ring all-reduce: reduce-scatter and all-gather round the workers, without a parameter "
            "server (Patarasuk and Yuan, JPDC'09; Horovod, 2018). Deviations: it is pipelined in "
            "slices of 80,000 parameters (twice p3's: fewer messages), each of which goes on as "
            "soon as it can; all members send in one planned order; the owner of a slice applies "
            "its gradient, and new parameters go round in place of sums; there is no barrier "
            "between iterations"
        ),
    ),
    Schedule(
        name="hybrid",
        exchange=HYBRID,
        order="planned",
        place="host",
        slice_bytes=40_000 * _ELEMENT,
        not_sent_limit_bytes=_NOT_SENT_LIMIT,
        synchronisation="per-slice",
        source=(
            "MXNET-MPI, Mamidala and others, 2018: workers in groups, an all-reduce inside of each "
            "and a parameter server across them. Deviations: the published group has one member "
            "that talks to the server, here each does for its share; the all-reduce is a ring in "
            "p3's slices, each of which goes on as soon as it can; a group is a rack; groups are "
            "in step"
        ),
    ),
    Schedule(
        name="two-servers",
        order="planned",
        place="host",
        slice_bytes=40_000 * _ELEMENT,
        not_sent_limit_bytes=_NOT_SENT_LIMIT,
        synchronisation="per-slice",
        servers=2,
        source=(
            "as planned-order, with the slices spread over two parameter servers by their bytes: "
            "sharding, as of Li and others, OSDI'14, and of MXNet, whose workers cut what is large "
            "for all servers. Deviation: both spread keys by a hash, here it is by bytes in "
            "forward order, so that each part of the model is on both"
        ),
    ),
    Schedule(
        name="ring-bucketed",
        exchange=RING,
        order="generation",
        synchronisation="per-tensor",
        bucket_bytes=1_000_000 * _ELEMENT,
        source=(
            "tensor collectives, after MXNET-MPI (Mamidala et al., 2018), and the buckets of "
            "Horovod (2018) and of PyTorch's DistributedDataParallel (VLDB'20): tensors are fused "
            "as the backward pass leaves their gradients, and each bucket goes round the ring as "
            "one object, every tensor cut into as many parts as there are workers. Deviations: "
            "parts go on before all of a bucket has come; buckets of 4 MB, where Horovod's default "
            "is 64 MB and PyTorch's 25 MB; as in ring, parameters go round and there is no barrier"
        ),
    ),
    Schedule(
        name="split",
        exchange=SPLIT,
        order="planned",
        place="host",
        slice_bytes=40_000 * _ELEMENT,
        not_sent_limit_bytes=_NOT_SENT_LIMIT,
        synchronisation="per-slice",
        source=(
            "ours: two ways at once. A linear programme over the links says how much of the model "
            "goes through the parameter server, and how much round the ring of the workers, so "
            "that the fullest link is busy for the least time: on the published topology two "
            "fifths and three fifths, 1.2 u. Slices, p3's, take the ways in turn along the model; "
            "each way is as in planned-order and in ring"
        ),
    ),
    Schedule(
        name="fp16",
        push_codec="float16",
        pull_codec="float16",
        source=(
            "gradients and parameters in half precision, as none in all else: the fp16 compression "
            "of Horovod and of DistributedDataParallel's hooks. Deviation: parameters travel so, "
            "too; the server keeps them in single precision"
        ),
    ),
    Schedule(
        name="q8",
        push_codec="fixed-point:8:stochastic",
        pull_codec="fixed-point:8:stochastic",
        source=(
            "8 bits a value with stochastic rounding (Gupta et al., ICML'15; QSGD, NeurIPS'17), "
            "both ways, as none in all else. Deviations: a range for each tensor, no entropy coding"
        ),
    ),
    Schedule(
        name="top-k-1pct",
        push_codec="top-k:1%+feedback",
        source=(
            "after deep gradient compression, ICLR'18: the largest 1 % of each tensor's gradient, "
            "the rest is added to the next one; as none in all else. Deviations: no momentum "
            "correction, no warm-up of the share; parameters come back whole"
        ),
    ),
    Schedule(
        name="codebook-8",
        push_codec="codebook:8",
        pull_codec="codebook:8",
        source=(
            "the weight sharing of deep compression, ICLR'16: 256 values a tensor by k-means, both "
            "ways, as none in all else. Deviations: published for stored weights, without pruning "
            "and Huffman coding here; gradients travel so, too"
        ),
    ),
    Schedule(
        name="sign-ef",
        push_codec="sign+feedback",
        source=(
            "1 bit a value with error feedback (1-bit SGD, Interspeech'14; EF-signSGD, ICML'19), "
            "scaled for each filter as in XNOR-Net, ECCV'16; as none in all else. Deviation: "
            "parameters come back whole"
        ),
    ),
    Schedule(
        name="low-rank-4",
        push_codec="low-rank:4+feedback",
        source=(
            "after PowerSGD, NeurIPS'19: gradients as matrices of rank 4, with error feedback; as "
            "none in all else. Deviations: each worker factorises its own gradient, since a server "
            "does not sum between the two steps; parameters come back whole"
        ),
    ),
    Schedule(
        name="local-sgd",
        averaging="local",
        every=8,
        source=(
            "local SGD (Stich, ICLR'19; with whole epochs, federated averaging, McMahan et al., "
            "AISTATS'17): each worker takes 8 steps of its own, then all go on from their mean; as "
            "none in all else. Deviations: a published step is plain SGD, here it is the "
            "experiment's optimizer, whose state stays with its worker; all workers take part"
        ),
    ),
    Schedule(
        name="diloco",
        averaging="local",
        every=500,
        outer_learning_rate=0.7,
        outer_momentum=0.9,
        source=(
            "DiLoCo, Douillard et al., 2023: 500 local steps, then one of Nesterov momentum, 0.9, "
            "at a rate of 0.7 along the mean difference; as none in all else. Deviation: the inner "
            "optimizer is the experiment's, where the published one is AdamW"
        ),
    ),
    Schedule(
        name="elastic-sgd",
        averaging="elastic",
        every=10,
        alpha=0.3,
        beta=0.9,
        source=(
            "elastic averaging SGD, Zhang et al., NeurIPS'15: every 10 iterations workers and "
            "centre attract each other, beta 0.9, alpha beta / 3 as for 3 workers; as none in all "
            "else. Deviation: in step, as its equations are, where its training is asynchronous"
        ),
    ),
)


def schedule_names() -> tuple[str, ...]:
    """Names of all schedules, baseline first."""
    return tuple(schedule.name for schedule in SCHEDULES)


def get_schedule(name: str) -> Schedule:
    """Return the schedule of that name.

    Raises:
        ValueError: there is none; the message has the nearest name.
    """
    for schedule in SCHEDULES:
        if schedule.name == name:
            return schedule
    raise ValueError(unknown_name("schedule", name, schedule_names()))
