"""The iteration time that is expected of a schedule, by simulation from its choices.

What codecs send and how long devices code is part of it, as far as codecs say (`coding`).

With a step barrier all workers and links are simulated (`barrier`), on any topology. Without one
the workers must be in step: alike, and each behind a bottleneck that is as full as the others'
(one that all share, or one each). Then one of them is simulated (`pipeline`). Workers that do not
wait for each other are simulated one by one, on what the others leave them (`apart`); those of a
ring all together (`ring`), on any topology; splits and groups as one queue (`several_ways`). A
credit window is left out, and so is what a worker's own order costs where others push in another
(p3's leak).

Delays of links are simulated. Where they make a window too small for its path, with the least and
with the most that it may let through; that is a prediction if both are within 10 %, and else a
range. So it is where TCP has to find out what a long way takes; the least is then what a plan says.
A schedule's credit that is too small is not simulated.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from statistics import fmean

from orchestrator.orders import ORDERS, Order, OrderError, ranks_of, setting_of
from orchestrator.predict.bounds.iteration import no_overlap_seconds
from orchestrator.predict.bounds.lower import worker_devices
from orchestrator.predict.case import Case
from orchestrator.predict.closed_forms import Prediction
from orchestrator.predict.coding import by_tensor, way_bytes
from orchestrator.predict.network.bottleneck import is_shared
from orchestrator.predict.network.loads import fullest
from orchestrator.predict.network.server_loads import ServerLoad
from orchestrator.predict.network.windows import grows, in_flight, long_ways_seconds
from orchestrator.predict.rings import ring_expected
from orchestrator.predict.several_servers import work_of_servers
from orchestrator.predict.several_ways import work_of_ways
from orchestrator.predict.simulation.apart import paces
from orchestrator.predict.simulation.averaged import averaged_seconds
from orchestrator.predict.simulation.barrier import barrier_seconds, computations, network_of
from orchestrator.predict.simulation.pipeline import Order as QueueOrder
from orchestrator.predict.simulation.pipeline import Work, pipelined_seconds, work
from orchestrator.spec import WAYS, number_text, rate_text
from workloads.library import EXCHANGES, PARAMETER_SERVER, RING, SPLIT
from workloads.schedule.library import get_schedule
from workloads.schedule.schedule import UNSCHEDULED, Schedule
from workloads.schedule.units import Layout

_SIMULATED = "simulated"
_QUEUES: dict[str, QueueOrder] = {
    "generation": "fifo",
    "layer": "layer",
    "layer-worker": "layer",
    "planned": "layer",
}
_SEED = 1
_RANDOM_ORDERS = 12
"""Over iterations and workers: the mean iteration then differs by less than 1 % from seed to seed.
"""

NOT_KNOWN = "what its codec sends is not known"

_ALIKE = 1.1
"""The longest of a range over its shortest, up to which its middle is a prediction."""


def expected(schedule: Schedule, case: Case, order: Order | None = None) -> Prediction:
    """The prediction for one schedule; where none applies it says why.

    Args:
        schedule: any.
        case: what is trained, on what.
        order: the schedule's; None: the library's of that name.

    Raises:
        KeyError: a worker's device is not in the case's devices.
    """
    order = order or ORDERS.get(schedule.order)
    if schedule.averages and order is not None:
        return _averaged(schedule, order, case)
    seconds_or_reason: float | str
    if order is None:
        seconds_or_reason = f"the order {schedule.order} is not the library's"
    elif schedule.exchange not in EXCHANGES:
        seconds_or_reason = "its exchange is not simulated"
    elif (coded := case.coded(schedule)) is None:
        seconds_or_reason = NOT_KNOWN
    elif schedule.exchange == RING or (schedule.exchange == SPLIT and not case.exchange.servers):
        seconds_or_reason = ring_expected(schedule, coded, order)
    elif schedule.exchange != PARAMETER_SERVER:
        seconds_or_reason = _with_ways(schedule, order, coded)
    elif not schedule.one_server:
        seconds_or_reason = _with_servers(schedule, order, coded)
    else:
        seconds_or_reason = _credit_limits(schedule, case) or _simulated(schedule, order, coded)
        if case.window_limits and not isinstance(seconds_or_reason, str):
            seconds_or_reason = _in_range(schedule, order, coded, seconds_or_reason)
    if isinstance(seconds_or_reason, str):
        return Prediction(schedule.name, _SIMULATED, None, seconds_or_reason)
    return Prediction(schedule.name, _SIMULATED, seconds_or_reason)


def _averaged(schedule: Schedule, order: Order, case: Case) -> Prediction:
    """The prediction where only some iterations exchange."""
    exchanging = expected(schedule.every_step, case, order)
    if exchanging.seconds is None:
        return replace(exchanging, schedule=schedule.name)
    seconds, compute = exchanging.seconds, case.bound.compute_seconds
    pushed = None
    if schedule.averaging == "elastic" and schedule.barrier:
        pushed = seconds
        if schedule.one_server:
            coded = case.coded(schedule.every_step) or case
            without = _with_barrier(schedule.every_step, order, coded, pulls=False)
            if isinstance(without, str):
                return Prediction(schedule.name, _SIMULATED, None, without)
            pushed = without
    iteration_seconds = averaged_seconds(schedule, seconds, compute, pushed)
    return Prediction(schedule.name, _SIMULATED, iteration_seconds)


def _simulated(schedule: Schedule, order: Order, case: Case) -> float | str:
    simulate = _with_barrier if schedule.barrier else _without_barrier
    return simulate(schedule, order, case)


def _in_range(schedule: Schedule, order: Order, case: Case, least: float) -> float | str:
    """Seconds of an iteration of which windows leave a range; the range, if that is wide."""
    demands = case.exchange.demands
    longest = _simulated(schedule, order, replace(case, least=True))
    if isinstance(longest, str):
        return longest
    if any(grows(demands, demand, case.scale) for demand in demands):
        planned = no_overlap_seconds(case.exchange, case.model, case.devices, case.batch)
        longest = max(
            longest,
            planned
            + long_ways_seconds(
                case.exchange,
                case.model.bytes,
                case.buffers,
                case.scale,
                in_flight(schedule, case.model, len(case.exchange.workers)),
            ),
        )
    if longest <= _ALIKE * least:
        return (least + longest) / 2
    return f"{case.window_limits}: {_between(case, longest, least)}"


def _between(case: Case, longest: float, least: float) -> str:
    """The throughputs of an iteration's seconds, such as `0.5 to 0.8 imgs/sec`."""
    bound, model = case.bound, case.model
    slow, fast = (number_text(model.rate(bound.imgs_per_sec(each))) for each in (longest, least))
    return f"{slow} to {fast} {model.rate_unit}"


def _credit_limits(schedule: Schedule, case: Case) -> str:
    """Why a schedule's credit is too small for the longest way; empty if it is not."""
    trip = max(down + up for down, up in case.delays)
    if not trip or schedule.window_bytes is None:
        return ""
    most = 8 * schedule.window_bytes / trip
    alone = min(load.goodput_bps for load in case.loads)
    if most >= alone:
        return ""
    return (
        f"a credit of {schedule.window_bytes / 1e6:.3g} MB over a round trip of "
        f"{1000 * trip:.3g} ms leaves a worker {rate_text(most, 3)} of {rate_text(alone, 3)}"
    )


def iterations_simulated(order: Order, workers: int) -> int:
    """How many iterations behind a step barrier make the mean one."""
    return 1 if order.steady else max(1, _RANDOM_ORDERS // workers)


def gain_of_unfair_shares(case: Case) -> float | None:
    """By how much imgs/sec without scheduling can grow if links are shared as unfairly as can be.

    One worker after the other is then served everywhere, so that one computes and pushes while the
    next one pulls. It is nothing where compute is long beside that.

    Returns:
        A share of the imgs/sec with fair shares; None: that is not simulated here.
    """
    if case.window_limits:
        return None
    schedule = get_schedule(UNSCHEDULED)
    order = ORDERS[schedule.order]
    fair, unfair = (
        _with_barrier(schedule, order, case, everywhere=everywhere) for everywhere in (False, True)
    )
    if isinstance(fair, str) or isinstance(unfair, str):
        return None
    return fair / unfair - 1


def _with_barrier(
    schedule: Schedule, order: Order, case: Case, *, everywhere: bool = False, pulls: bool = True
) -> float | str:
    """Seconds of an iteration; without `pulls` these take no time."""
    if schedule.at_switch and schedule.switch_order != "worker":
        return f"switches that order by {schedule.switch_order} are not simulated"
    computed = computations(case.exchange, case.model, case.devices, case.batch)
    workers = range(len(computed))
    pulled = max(load.seconds for load in case.loads if load.direction == "pull")
    setting = setting_of(
        case.model,
        Layout(case.model, 1, 1, schedule.slice_bytes),
        stretch=1,
        workers=computed,
        seconds_per_byte=pulled / case.model.bytes,
        shared=is_shared(case.exchange, "pull"),
        barrier=True,
        seed=_SEED,
        repeat=0,
    )
    iterations = iterations_simulated(order, len(workers))
    try:
        ranks = ranks_of(order, schedule, setting, iterations)
    except OrderError as error:
        return str(error)
    turns = None
    if any(len(set(row)) > 1 for row in ranks.answers):
        return "answers that overtake each other behind a step barrier are not simulated"
    if ranks.one_queue and schedule.at_host:
        turns = [row[0] for row in ranks.answers]
    network = network_of(
        case.exchange,
        case.loads if pulls else tuple(map(_as_fast_as_can_be, case.loads)),
        by_worker=schedule.at_switch,
        everywhere=everywhere,
        turns=turns,
    )
    sizes = by_tensor(case, schedule.slice_bytes)
    return fmean(
        barrier_seconds(
            case.model,
            computed,
            network,
            [ranks.pulls[worker][number] for worker in workers],
            case.delays,
            sizes=sizes,
        )
        for number in range(iterations)
    )


def _as_fast_as_can_be(load: ServerLoad) -> ServerLoad:
    """A pull's load on a link that carries it in next to no time; a push's as it is."""
    return replace(load, goodput_bps=1e6 * load.goodput_bps) if load.direction == "pull" else load


def _without_barrier(schedule: Schedule, order: Order, case: Case) -> float | str:
    queues = _queue_order(schedule, order)
    if queues is None:
        return _not_simulated(schedule)
    if not schedule.bulk_synchronous:
        return _apart(schedule, queues, case)
    devices = list(worker_devices(case.exchange, case.devices).values())
    if len({replace(device, name="") for device in devices}) > 1:
        return "the workers' devices differ, so they are not in step"
    if len(set(case.delays)) > 1:
        return "the workers' delays differ, so they are not in step"
    per_byte = []
    for direction in WAYS:
        full = fullest(load for load in case.loads if load.direction == direction)
        behind = {worker for load in full for worker in load.workers}
        if len(behind) < len(case.exchange.workers):
            some = f"{len(behind)} of {len(case.exchange.workers)} workers"
            return f"{full[0].port} is full with {some}, so they are not in step"
        per_byte.append(full[0].seconds / case.model.bytes)
    pull, push = per_byte
    if case.least and order.over_workers and is_shared(case.exchange, "pull"):
        pull = max(pull, _one_by_one(case) / case.model.bytes)
    made = work(
        case.model, devices[0], case.batch, (pull, push), schedule.slice_bytes, sent=case.sent
    )
    made = replace(made, pull_delay=case.delays[0][0], push_delay=case.delays[0][1])
    return _pipelined(made, queues)


def _with_servers(schedule: Schedule, order: Order, case: Case) -> float | str:
    queues = _queue_order(schedule, order)
    if schedule.barrier:
        return "several servers behind a step barrier are not simulated"
    if queues is None:
        return _not_simulated(schedule)
    made = work_of_servers(schedule, case)
    return made if isinstance(made, str) else _pipelined(made, queues)


def _with_ways(schedule: Schedule, order: Order, case: Case) -> float | str:
    if schedule.barrier:
        return "groups behind a step barrier are not simulated"
    if not schedule.bulk_synchronous:
        return "groups that have paces of their own are not simulated"
    queues = _queue_order(schedule, order)
    if queues is None:
        return _not_simulated(schedule)
    made = work_of_ways(schedule, case)
    if isinstance(made, str):
        return made
    least, most = (_pipelined(one, queues) for one in made)
    if most <= _ALIKE * least:
        return (least + most) / 2
    return f"hops of its rings take no time, or a unit's each: {_between(case, most, least)}"


def _queue_order(schedule: Schedule, order: Order) -> QueueOrder | None:
    """The order of the simulated queues; None: there is none like it."""
    queues = next((_QUEUES[name] for name in _QUEUES if ORDERS[name] is order), None)
    # The simulated flows are as many as geryon's.
    by_flow = schedule.switch_order == "layer" and schedule.flows == get_schedule("geryon").flows
    if by_flow and queues == "fifo":
        return "flow"
    return None if schedule.at_switch else queues


def _not_simulated(schedule: Schedule) -> str:
    return f"an order by {schedule.switch_order or schedule.order} is not simulated"


def _one_by_one(case: Case) -> float:
    """Seconds of all pulls if the server's one queue waits for each worker's window in turn."""
    return sum(
        max(
            load.model_seconds
            for load in case.loads
            if load.direction == "pull" and worker in load.workers
        )
        for worker in case.exchange.workers
    )


def _apart(schedule: Schedule, queues: QueueOrder, case: Case) -> float | str:
    """Seconds in which as many iterations are done as there are workers."""
    if schedule.staleness == 0:
        return "workers that may not be ahead at all wait for whole iterations: not simulated"
    devices = worker_devices(case.exchange, case.devices)
    delays = dict(zip(devices, case.delays, strict=True))
    sizes = {way: way_bytes(case.sent, case.model, way) for way in WAYS}
    loads = [replace(one, model_seconds=one.alone(sizes[one.direction])) for one in case.loads]

    def alone(worker: str, pull: float, push: float) -> float:
        device = replace(devices[worker], name="")  # those that are alike are simulated once
        per_byte = (pull / sizes["pull"], push / sizes["push"])
        made = work(case.model, device, case.batch, per_byte, schedule.slice_bytes, sent=case.sent)
        down, up = delays[worker]
        return _pipelined(replace(made, pull_delay=down, push_delay=up), queues)

    tied = schedule.staleness is not None
    return len(devices) / paces(loads, list(devices), alone, tied=tied)


@lru_cache(maxsize=256)
def _pipelined(made: Work, order: QueueOrder) -> float:
    # p3 and planned-order are one work and one order here, at every point of a sweep's curve.
    return pipelined_seconds(made, order)
