"""The bound of an exchange that declares its demands: links and compute, and nothing else.

No iteration is shorter than the time for which the fullest link is busy with its demands, and no
worker is faster than its compute. What else an exchange waits for is not known, so that this may be
far below what it takes. Workers need not wait for each other, hence the sum of their own paces.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from orchestrator.predict.bounds.iteration import compute_seconds
from orchestrator.predict.bounds.lower import worker_devices
from orchestrator.predict.case import Case
from orchestrator.predict.network.loads import LinkLoad, fullest, link_loads
from orchestrator.predict.network.windows import capped
from orchestrator.spec import Demands


@dataclass(frozen=True)
class DemandBound:
    """What limits an exchange by its demands.

    Attributes:
        imgs_per_sec: the most, of all workers together.
        seconds: the least time of an iteration of all of them.
        fullest: the links that are busy longest; none if nothing is sent.
    """

    imgs_per_sec: float
    seconds: float
    fullest: tuple[LinkLoad, ...]


def demand_bound(demands: Demands, case: Case) -> DemandBound:
    """The bound of declared demands.

    Args:
        demands: of the exchange for the model of the case.
        case: what is trained, on what.

    Raises:
        KeyError: a worker's device is not in the case's devices.
    """
    carried = capped(demands, case.buffers, case.scale, case.goodputs)
    loads = [load for load in link_loads(demands, carried) if load.seconds]
    images = case.exchange.images(case.batch)
    most = 0.0
    for device in worker_devices(case.exchange, case.devices).values():
        seconds = compute_seconds(case.model, device, case.batch)
        most += (device.batch or case.batch) / seconds if seconds else inf
    full = fullest(loads) if loads else ()
    if full:
        most = min(most, images / full[0].seconds)
    return DemandBound(most, images / most, full)
