"""How the workers' flows shared the network, from what each moved while all did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from workloads.process.process_records import CompetingRecord

Rates = Sequence[float]
"""Payload in bit/s of the real system, by worker."""


@dataclass(frozen=True)
class Shares:
    """How the workers' flows shared the network in one direction, while all of them moved.

    Attributes:
        by_worker: share of the bytes moved per worker, over all measured iterations.
        smallest: smallest share of an iteration, mean over the measured iterations.
        largest: largest share of an iteration, mean over the measured iterations.

    The extremes are taken within iterations: workers that take turns in being favoured have equal
    shares over the trial, and yet no iteration was fair.
    """

    by_worker: tuple[float, ...]
    smallest: float
    largest: float


def rates_of(competing: Sequence[CompetingRecord], rates: float) -> tuple[Rates, ...]:
    """Of every iteration in which all moved something at a time: each worker's rate then."""
    return tuple(
        tuple(8 * moved / one.seconds * rates for moved in one.bytes)
        for one in competing
        if one.seconds
    )


def shares_of(competing: Sequence[CompetingRecord]) -> Shares | None:
    """Over all iterations; None: nothing was moved by all at a time."""
    moved = [one.bytes for one in competing if sum(one.bytes) > 0]
    if not moved:
        return None
    total = sum(map(sum, moved))
    return Shares(
        by_worker=tuple(sum(of_worker) / total for of_worker in zip(*moved, strict=True)),
        smallest=fmean(min(counts) / sum(counts) for counts in moved),
        largest=fmean(max(counts) / sum(counts) for counts in moved),
    )
