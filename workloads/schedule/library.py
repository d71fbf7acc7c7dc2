"""The schedules by name, each with its source and what deviates from it."""

from __future__ import annotations

from workloads.errors import unknown_name
from workloads.library import HYBRID, RING, SPLIT
from workloads.schedule.schedule import UNSCHEDULED, Schedule

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
            "order nothing; with parameter slicing. The abstract says no more, the rest is ours: "
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
            "MXNET-MPI, Mamidala et al., 2018: workers in groups, an all-reduce inside of each "
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
            "sharding, as in Li et al., OSDI'14, and in MXNet, whose workers cut what is large "
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
            "gradients and parameters in half precision, otherwise as none: the fp16 compression "
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
            "both ways, otherwise as none. Deviations: a range for each tensor, no entropy coding"
        ),
    ),
    Schedule(
        name="top-k-1pct",
        push_codec="top-k:1%+feedback",
        source=(
            "after deep gradient compression, ICLR'18: the largest 1 % of each tensor's gradient, "
            "the rest is added to the next one; otherwise as none. Deviations: no momentum "
            "correction, no warm-up of the share; parameters come back whole"
        ),
    ),
    Schedule(
        name="codebook-8",
        push_codec="codebook:8",
        pull_codec="codebook:8",
        source=(
            "the weight sharing of deep compression, ICLR'16: 256 values a tensor by k-means, both "
            "ways, otherwise as none. Deviations: published for stored weights, without pruning "
            "and Huffman coding here; gradients travel so, too"
        ),
    ),
    Schedule(
        name="sign-ef",
        push_codec="sign+feedback",
        source=(
            "1 bit a value with error feedback (1-bit SGD, Interspeech'14; EF-signSGD, ICML'19), "
            "scaled for each filter as in XNOR-Net, ECCV'16; otherwise as none. Deviation: "
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
            "AISTATS'17): each worker takes 8 steps of its own, then all continue from their mean; "
            "otherwise as none. Deviations: a published step is plain SGD, here it is the "
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
            "at a rate of 0.7 along the mean difference; otherwise as none. Deviation: the inner "
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
            "centre attract each other, beta 0.9, alpha beta / 3 as for 3 workers; "
            "otherwise as none. Deviation: in step, as its equations are, where its training is "
            "asynchronous"
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
