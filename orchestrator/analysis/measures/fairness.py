"""Were links shared as fairly as the topology lets them be? A rule for the baseline.

Unfair shares let workers take turns, as scheduling does: one computes and pushes while another one
still pulls. That alone can shorten the published baseline from 6u to 5u. So there is a doubt
where

- several workers' flows fill a link together when all have fair shares (`predict.shared_links`),
- and they did fill it, while all of them moved something,
- and the share of one of them was far from the fair one,
- and shares matter to the figure: they do not where compute is long beside what is moved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

from orchestrator.analysis.measures.bound_share import case_of
from orchestrator.analysis.measures.measure import TrialMeasure
from orchestrator.analysis.measures.shares import Rates, Shares
from orchestrator.predict import Case, Goodputs, SharedLink, gain_of_unfair_shares, shared_links
from orchestrator.spec import Way

SHARE_LOW, SHARE_HIGH = 0.8, 1.25
"""Times the fair share."""
FULL = 0.9
"""Of a link's goodput, over the time in which all move: what is emptier is not fought for."""
MATTERS = 0.02
"""Of the imgs/sec: what the most unfair shares that there can be change at least."""
_EQUAL = 1e-6

_WORDS = {"pull": "pulls", "push": "pushes"}


@dataclass(frozen=True)
class Fairness:
    """What is fair to the workers of a trial.

    Attributes:
        case: what was trained, on what.
    """

    case: Case

    @cached_property
    def _links(self) -> tuple[SharedLink, ...]:
        return shared_links(self.case.exchange.demands, self.case.carried)

    def on(self, way: Way) -> Iterator[tuple[SharedLink, tuple[int, ...]]]:
        """The links that pulls (or pushes) can share unfairly, with the numbers of the workers."""
        exchange = self.case.exchange
        numbers = {worker: number for number, worker in enumerate(exchange.workers)}
        for link in self._links:
            if exchange.way(link.demands[0]) == way:
                yield link, tuple(numbers[exchange.worker(one)] for one in link.demands)

    @cached_property
    def matters(self) -> bool:
        """Whether shares can change the figure."""
        gain = gain_of_unfair_shares(self.case)
        return gain is None or gain > MATTERS


def fairness_of(
    experiment: Mapping[str, Any], model: str, batch: int, goodputs: Goodputs | None = None
) -> Fairness | None:
    """What is fair in a run; None if it does not say on what topology with what devices it ran."""
    case = case_of(experiment, model, batch, goodputs)
    return None if case is None else Fairness(case)


def unfair(trial: TrialMeasure, fairness: Fairness | None) -> Iterator[str]:
    """A line for every link that was shared unfairly, so that it can have changed the figure."""
    measured: tuple[tuple[Way, Shares | None, Sequence[Rates]], ...] = (
        ("pull", trial.pull_shares, trial.pull_rates),
        ("push", trial.push_shares, trial.push_rates),
    )
    for direction, shares, rates in measured:
        if fairness is None:
            lines = [_equal(trial.workers, shares)]
        else:
            lines = [_uneven(link, those, rates) for link, those in fairness.on(direction)]
        for line in filter(None, lines):
            if fairness is None or fairness.matters:
                yield f"unfair {_WORDS[direction]}: {line}"


def _are_equal(link: SharedLink) -> bool:
    return max(link.fair_bps) - min(link.fair_bps) <= _EQUAL * sum(link.fair_bps)


def _uneven(link: SharedLink, workers: Sequence[int], iterations: Sequence[Rates]) -> str:
    """What was unfair; empty: nothing. Extremes are those of an iteration, their means count."""
    whole = sum(link.fair_bps)
    shares = []
    for rates in iterations:
        of_workers = [rates[worker] for worker in workers]
        if sum(of_workers) >= FULL * link.goodput_bps:
            shares.append([rate / sum(of_workers) for rate in of_workers])
    if not shares:
        return ""
    times = [
        [share * whole / fair for share, fair in zip(one, link.fair_bps, strict=True)]
        for one in shares
    ]
    low, high = fmean(map(min, times)), fmean(map(max, times))
    if low >= SHARE_LOW and high <= SHARE_HIGH:
        return ""
    if _are_equal(link):
        fair = 1 / len(workers)
        return f"{_percent(low * fair)} to {_percent(high * fair)} of {link.port}, {_fair(fair)}"
    return f"{low:.2f} to {high:.2f} times the fair shares of {link.port}"


def _equal(workers: int, shares: Shares | None) -> str:
    """Without a topology: as if all had the same way; empty: nothing."""
    fair = 1 / workers
    if shares is None or SHARE_LOW * fair <= shares.smallest <= shares.largest <= SHARE_HIGH * fair:
        return ""
    low, high = _percent(shares.smallest), _percent(shares.largest)
    return f"{low} to {high} of the bytes, {_fair(fair)}"


def _fair(share: float) -> str:
    return f"{_percent(share)} is fair"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
