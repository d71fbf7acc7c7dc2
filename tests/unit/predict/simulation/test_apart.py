"""Paces of workers one by one, against sums made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pytest

from orchestrator.predict import ServerLoad
from orchestrator.predict.simulation.apart import Alone, paces
from orchestrator.spec import Port

NAMES = ("w0", "w1", "w2")


def load(direction: Literal["pull", "push"], workers: Sequence[str], seconds: float) -> ServerLoad:
    """A link that carries one worker's bytes of the model in `seconds`."""
    return ServerLoad(Port("a", "b", 1, 0, 1), (), 1.0, direction, tuple(workers), seconds)


def both_ways(workers: Sequence[str], seconds: float) -> list[ServerLoad]:
    return [load("pull", workers, seconds), load("push", workers, seconds)]


def alone(**compute: float) -> Alone:
    """Compute, or what moves in both directions at once if that takes longer."""
    return lambda worker, pull, push: max(compute[worker], pull, push)


def test_on_empty_links_everybody_has_the_pace_of_its_own_device() -> None:
    loads = both_ways(NAMES, 1e-6)
    rates = paces(loads, NAMES, alone(w0=0.5, w1=0.5, w2=2.0), tied=False)
    assert rates == pytest.approx(2 + 2 + 0.5, rel=1e-5)
    assert paces(loads, NAMES, alone(w0=0.5, w1=0.5, w2=2.0), tied=True) == pytest.approx(
        1.5, rel=1e-3
    )


def test_alike_workers_share_the_link_that_they_fill() -> None:
    rates = paces(both_ways(NAMES, 1.0), NAMES, alone(w0=0.1, w1=0.1, w2=0.1), tied=False)
    assert rates == pytest.approx(1.0, rel=5e-3)


def test_what_a_slow_worker_leaves_the_others_take() -> None:
    """It needs a tenth of the link; the other two, which need all, share the rest."""
    rates = paces(both_ways(NAMES, 1.0), NAMES, alone(w0=0.1, w1=0.1, w2=10.0), tied=False)
    assert rates == pytest.approx(1.0, rel=5e-3)


def test_a_link_of_ones_own_is_nobody_elses() -> None:
    loads = [*both_ways(("w0", "w1"), 1e-6), *both_ways(("w0",), 1.0), *both_ways(("w1",), 4.0)]
    assert paces(loads, NAMES[:2], alone(w0=0.0, w1=0.0), tied=False) == pytest.approx(1.25)


@pytest.mark.parametrize("count", [2, 3, 10])
def test_a_closed_network_of_two_shared_links(count: int) -> None:
    """By mean value analysis: n / (n + m - 1) of a link that is always busy, with m of them."""
    names = [f"w{number}" for number in range(count)]

    def in_turns(_: str, pull: float, push: float) -> float:
        return pull + push

    for tied in (False, True):
        rates = paces(both_ways(names, 1.0), names, in_turns, tied=tied)
        assert rates == pytest.approx(count / (count + 1), rel=0.01)
