"""What jobs on one network can have at best, and what is fair if all of them send at once.

A job's **best** is what it has alone: no iteration is shorter than its fullest link is busy, or its
compute takes. That is a bound, whatever the others do.

Its **fair** share is max-min fair: all demands of all jobs send at once, each at no more than the
pace of its job's best; to give one demand more, another that has no more than it must get less.
The slowest of a job's demands gives its pace. This is what TCP tends to where all jobs are busy all
the time; it is no bound, for a job can be faster while another one computes. Datagrams of a set
rate do not give way, so that they come first. Classes of switches are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.predict.network.fair_shares import FluidNetwork
from orchestrator.predict.network.loads import Goodputs, fullest, goodput_bps, link_loads
from orchestrator.spec import Demand, Demands, Port

_LEAST_BPS = 1.0
"""What a link that is all taken has left: more than nothing, for times are divided by it."""


@dataclass(frozen=True)
class Sharer:
    """A job on a network.

    Attributes:
        name: unlike the others'.
        demands: what it sends in an iteration; of traffic only the ways count.
        compute_seconds: no iteration is shorter.
        limit_bps: of traffic, the payload in bit/s that each demand offers; None: of a job with
            iterations, which sends as fast as it can.
        yields: whether it gives way when a link is full, as TCP does; datagrams do not.
    """

    name: str
    demands: Demands
    compute_seconds: float = 0.0
    limit_bps: float | None = None
    yields: bool = True


@dataclass(frozen=True)
class SharedBound:
    """What one job can have.

    Attributes:
        best_seconds: the least time of an iteration, alone on the network; None for traffic.
        best_bps: payload in bit/s of each of its demands at its best, in their order.
        fair_bps: of each if all jobs send at once.
        ports: the links that keep it from its best then, `node->peer`; none: it has it.
    """

    best_seconds: float | None
    best_bps: tuple[float, ...]
    fair_bps: tuple[float, ...]
    ports: tuple[str, ...]

    @property
    def share(self) -> float:
        """Of its best pace, what it has if all jobs send at once: at most 1."""
        return min(
            (fair / best for fair, best in zip(self.fair_bps, self.best_bps, strict=True) if best),
            default=1.0,
        )

    @property
    def fair_seconds(self) -> float | None:
        """Of an iteration at its fair shares; None for traffic, or if nothing is left for it."""
        if self.best_seconds is None or not self.share:
            return None
        return self.best_seconds / self.share


def shared_bounds(
    jobs: Sequence[Sharer], goodputs: Goodputs | None = None
) -> dict[str, SharedBound]:
    """Each job's best, and its fair shares beside all the others, by name.

    Args:
        jobs: all on one topology.
        goodputs: measured payload of ports in bit/s; others carry 1448/1514 of their rate.

    Raises:
        ValueError: a job with iterations does not declare what it sends.
    """
    best_seconds = {job.name: _best_seconds(job, goodputs) for job in jobs}
    best = {job.name: _best_bps(job, best_seconds[job.name], goodputs) for job in jobs}
    fair = _fair_bps(jobs, best, goodputs)
    used = _taken((job.demands, fair[job.name]) for job in jobs)
    bounds = {}
    for job in jobs:
        slowed = [
            port
            for demand, has, wants in zip(job.demands, fair[job.name], best[job.name], strict=True)
            if has < wants * (1 - 1e-9)
            for port in job.demands.paths[demand]
        ]
        full = dict.fromkeys(
            str(port) for port in slowed if used[port] >= _carried(port, goodputs) * (1 - 1e-9)
        )
        bounds[job.name] = SharedBound(
            best_seconds[job.name], best[job.name], fair[job.name], tuple(full)
        )
    return bounds


def left_goodputs(
    taken: Iterable[tuple[Demands, Mapping[Demand, float]]], goodputs: Goodputs | None = None
) -> Goodputs:
    """What ports still carry beside what others send, for the bound of who shares them.

    Args:
        taken: others' demands, and of each its payload in bit/s.
        goodputs: measured payload of ports in bit/s; others carry 1448/1514 of their rate.
    """
    rates = ((demands, tuple(has.get(one, 0.0) for one in demands)) for demands, has in taken)
    left = dict(goodputs or {})
    for port, bps in _taken(rates).items():
        left[str(port)] = max(_LEAST_BPS, _carried(port, goodputs) - bps)
    return left


def _carried(port: Port, goodputs: Goodputs | None) -> float:
    return (goodputs or {}).get(str(port), goodput_bps(port.rate_bps))


def _taken(rates: Iterable[tuple[Demands, tuple[float, ...]]]) -> dict[Port, float]:
    """What crosses each port, in bit/s."""
    taken: dict[Port, float] = {}
    for demands, of_each in rates:
        for demand, bps in zip(demands, of_each, strict=True):
            for port in demands.paths[demand]:
                taken[port] = taken.get(port, 0.0) + bps
    return taken


def _best_seconds(job: Sharer, goodputs: Goodputs | None) -> float | None:
    if job.limit_bps is not None:
        return None
    if not job.demands.declared:
        raise ValueError(f"job {job.name}: what it sends is not known")
    loads = link_loads(job.demands, goodputs)
    return max(job.compute_seconds, fullest(loads)[0].seconds if loads else 0.0)


def _best_bps(job: Sharer, seconds: float | None, goodputs: Goodputs | None) -> tuple[float, ...]:
    if job.limit_bps is not None:
        return _filled([(job, tuple(job.limit_bps for _ in job.demands))], goodputs)[job.name]
    return tuple(8 * demand.bytes / seconds if seconds else 0.0 for demand in job.demands)


def _fair_bps(
    jobs: Sequence[Sharer], best: Mapping[str, tuple[float, ...]], goodputs: Goodputs | None
) -> dict[str, tuple[float, ...]]:
    return _filled([(job, best[job.name]) for job in jobs], goodputs)


def _filled(
    jobs: Sequence[tuple[Sharer, tuple[float, ...]]], goodputs: Goodputs | None
) -> dict[str, tuple[float, ...]]:
    """Max-min fair shares in bit/s of all demands, none above its limit."""
    numbers: dict[Port, int] = {}
    for job, _ in jobs:
        for port in job.demands.crossed:
            numbers.setdefault(port, len(numbers))
    capacities = [_carried(port, goodputs) for port in numbers]
    paths, classes = [], []
    for job, limits in jobs:
        for demand, limit in zip(job.demands, limits, strict=True):
            # A limit is a link that the demand has for itself.
            paths.append([*(numbers[port] for port in job.demands.paths[demand]), len(capacities)])
            capacities.append(limit)
            classes.append(int(job.yields))
    rates = FluidNetwork(capacities, paths, classes).rates(frozenset(range(len(paths))))
    flows = iter(range(len(paths)))
    return {job.name: tuple(rates[next(flows)] for _ in limits) for job, limits in jobs}
