"""The most that workers at different paces can do together.

A worker alone can do an iteration in its own compute C(w), and a directed link carries all bytes
of the workers behind it. So the paces r(w), in iterations per second, of asynchronous training obey

    r(w) <= 1 / C(w)                                       for every worker,
    sum of r(w) x bytes over the workers that cross a link <= its goodput,   for every link,

and the largest sum of r(w) under these is what no order of the traffic is above (a linear
programme). Where a worker may be only so far ahead of the slowest (stale-synchronous training),
paces are equal in the long run; in a window in which the slowest does k iterations another one can
do at most `lead` times as many. Delays of links, and the time from a push to its answer, are left
out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from orchestrator.predict.bounds.iteration import compute_seconds
from orchestrator.predict.bounds.lower import worker_devices
from orchestrator.predict.network.loads import Goodputs
from orchestrator.predict.network.server_loads import server_loads
from orchestrator.spec import ServerExchange
from workloads.models.devices import DeviceModel
from workloads.models.profiles import Model


def lead_of(in_step: bool, staleness: int | None, iterations: float = math.inf) -> float:
    """How many iterations a worker can do for one of the slowest worker's.

    Args:
        in_step: whether gradients of all workers are applied together.
        staleness: if not: how many iterations a worker may be ahead; None: any number.
        iterations: that the slowest does in the time in question; without it, in the long run.
    """
    if in_step:
        return 1.0
    if staleness is None:
        return math.inf
    # When it starts iteration k, the slowest has done k - staleness: ahead by one more at its end.
    return 1 + (staleness + 1) / iterations


def own_paces(
    exchange: ServerExchange,
    model: Model,
    devices: Mapping[str, DeviceModel],
    batch: int,
    goodputs: Goodputs | None = None,
    *,
    lead: float = math.inf,
) -> float:
    """The most imgs/sec of the real system, all workers together.

    Args:
        exchange: its links' rates, each direction for itself, and its workers' devices.
        model: what is trained.
        devices: by the names that the workers have for them.
        batch: images per worker and iteration.
        goodputs: measured payload of ports in bit/s; others carry 1448/1514 of their rate.
        lead: how many iterations a worker can do for one of the slowest's.

    Raises:
        KeyError: a worker's device is not in `devices`.
    """
    from scipy.optimize import linprog  # here, for it takes a third of a second to load

    workers = worker_devices(exchange, devices)
    names = list(workers)
    images = [device.batch or batch for device in workers.values()]
    compute = [compute_seconds(model, device, batch) for device in workers.values()]
    loads = server_loads(exchange, model.bytes, goodputs)
    # Paces are counted per this time, in which each can do about one: solvers have tolerances.
    unit = max(*compute, *(load.seconds for load in loads))
    # The variables: every worker's pace, then the slowest one's.
    most = [unit / seconds if seconds else None for seconds in compute]
    rows = [
        [load.model_seconds / unit * (name in load.workers) for name in names] + [0.0]
        for load in loads
    ]
    limits = [1.0] * len(rows)
    for number in range(len(names)):
        own = [float(other == number) for other in range(len(names))]
        rows.append([-one for one in own] + [1.0])
        limits.append(0.0)
        if math.isfinite(lead):
            rows.append([*own, -lead])
            limits.append(0.0)
    solution = linprog(
        [-float(count) for count in images] + [0.0],
        A_ub=rows,
        b_ub=limits,
        bounds=[(0.0, pace) for pace in (*most, None)],
        method="highs",
    )
    if solution.x is None:
        raise ValueError(f"no paces of {exchange.topology.name}: {solution.message}")
    return float(sum(images * solution.x[:-1])) / unit
