"""Which R is taken, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.emulation.limits.caps import MachineCapacity
from orchestrator.session.scale.calibration import (
    CANDIDATES,
    NEEDED_IDLE,
    Attempt,
    Chosen,
    Next,
    NoScaleFits,
    ScaleQuery,
    Way,
    by_rates,
    decide,
    forced_level,
)
from tests.unit.session.attempts import attempt

PUBLISHED = Path(__file__).parents[4] / "experiments/published.yaml"
ROOM = MachineCapacity((0, 1), 64 * 2**30)
AUTO = ScaleQuery((1.0, 2.0, 4.0), 0.5, NEEDED_IDLE)


def test_the_smallest_that_is_carried_is_found_step_by_step() -> None:
    known: dict[float, Attempt] = {}
    assert decide(AUTO, known) == Next(1.0)
    known[1.0] = attempt(1, push=0.949)
    assert decide(AUTO, known) == Next(2.0)
    known[2.0] = attempt(2, idle=0.199)
    assert decide(AUTO, known) == Next(4.0)
    known[4.0] = attempt(4)
    assert decide(AUTO, known) == Chosen(known[4.0])
    # A larger one that was carried says nothing of a smaller one.
    assert decide(AUTO, by_rates([attempt(4)])) == Next(1.0)


def test_rates_far_above_what_was_delivered_are_not_tried() -> None:
    fast = ScaleQuery(CANDIDATES, 1.0, NEEDED_IDLE)
    # A hundredth of the rate got through: with twice of that, R would be 50.
    known = by_rates([attempt(1, push=0.01, bps=4 * 10**11)])
    assert decide(fast, known) == Next(64.0)
    # What others took a part of says nothing of the machine.
    taken = attempt(1, push=0.01, disturbed="other programs used 1.5 of 2 cores")
    assert decide(fast, by_rates([taken])) == Next(2.0)
    # The last one is tried whatever came of the first.
    assert decide(fast, by_rates([attempt(1, push=1e-6)])) == Next(CANDIDATES[-1])


def test_none_that_is_carried() -> None:
    failed = [attempt(rates, pull=0.5) for rates in AUTO.rates]
    assert decide(AUTO, by_rates(failed)) == NoScaleFits(tuple(failed))


@pytest.mark.parametrize(
    ("pull", "push", "idle", "carried"),
    [
        (0.95, 0.95, 0.20, True),
        (0.949, 1.0, 0.9, False),
        (1.0, 0.949, 0.9, False),
        (1.0, 1.0, 0.199, False),
    ],
)
def test_the_limits(pull: float, push: float, idle: float, carried: bool) -> None:
    assert attempt(1, pull=pull, push=push, idle=idle).carried(NEEDED_IDLE) is carried


def test_links_on_which_priority_does_not_hold_carry_nothing() -> None:
    """Even if they are full, and the machine idle: what waits then waits in no queue of a port."""
    assert attempt(4, first=0.90).carried(NEEDED_IDLE)
    assert not attempt(4, first=0.89).carried(NEEDED_IDLE)
    assert forced_level(attempt(4, first=0.34)) == "unusable"


def test_a_sender_that_wakes_up_late_leaves_its_turn_to_others() -> None:
    """What counts is what the first worker got while its data was on its way."""
    assert attempt(1, first=0.72, busy=0.75).carried(NEEDED_IDLE)
    # A switch that gives no order has data of all workers all the time.
    assert not attempt(4, first=0.32, busy=1.0).carried(NEEDED_IDLE)
    # Of a first worker that is seldom there nothing is known.
    assert not attempt(4, first=0.32, busy=0.33).carried(NEEDED_IDLE)


def test_idle_time_that_others_had_counts_as_idle_but_is_looked_at_again() -> None:
    busy = attempt(1, idle=0.0, disturbed="others", taken=0.8)
    assert busy.carried(NEEDED_IDLE)
    assert not busy.sure(NEEDED_IDLE)
    # Links that are not real are not made so, and what the testbed itself needs stays.
    assert not attempt(1, first=0.5, disturbed="others", taken=0.8).carried(NEEDED_IDLE)
    assert not attempt(1, idle=0.0, disturbed="others", taken=0.1).carried(NEEDED_IDLE)


def test_what_can_be_remembered() -> None:
    assert attempt(1).sure(NEEDED_IDLE)
    assert attempt(1, idle=0.1).sure(NEEDED_IDLE)
    assert attempt(1, idle=0.3, disturbed="others", taken=0.5).sure(NEEDED_IDLE)
    assert not attempt(1, push=0.9, disturbed="others", taken=0.5).sure(NEEDED_IDLE)


def test_what_others_had_explains_no_more_than_its_share() -> None:
    # A third got through while others had a third of the CPUs: half, with those as well.
    slow = attempt(1, push=0.32, disturbed="others", taken=0.35)
    assert slow.hopeless
    assert slow.sure(NEEDED_IDLE)
    assert not attempt(1, push=0.65, disturbed="others", taken=0.35).hopeless
    # Of the order between workers nothing is known: it may come back at once.
    assert not attempt(1, first=0.1, disturbed="others", taken=0.35).hopeless


def test_what_failed_is_said_and_by_how_much() -> None:
    assert attempt(1).short_of(NEEDED_IDLE) == ()
    assert attempt(1, push=0.94, first=0.72, idle=0.12).short_of(NEEDED_IDLE) == (
        "rate 94 % of the 95 % needed",
        "priority 72 % of the 90 % needed",
        "idle time 12 % of the 20 % needed",
    )


def test_figures_are_never_rounded_up() -> None:
    assert (
        attempt(8, pull=0.9499, push=0.97, idle=0.456).figures()
        == "94 % of 125 Mbit/s both ways, 45 % idle"
    )
    assert (
        attempt(1, pull=0.95, push=0.95, idle=0.20).figures()
        == "95 % of 1 Gbit/s both ways, 20 % idle"
    )
    assert attempt(8, first=0.999).figures() == (
        "98 % of 125 Mbit/s both ways, priority 99 %, 50 % idle"
    )
    # What it is owed is reckoned low where its way has ports without classes.
    assert "priority 100 %" in attempt(8, first=1.3).figures()
    ways = {
        "pull": Way(rate_bps=312_500_000, share=0.98, first=None),
        "push": Way(rate_bps=10**8, share=0.97, first=None),
    }
    assert attempt(8).model_copy(update=ways).figures() == (
        "98 % of 312.5 Mbit/s pulled and 97 % of 100 Mbit/s pushed, 50 % idle"
    )


def test_links_that_do_not_deliver_make_figures_unusable() -> None:
    assert forced_level(attempt(1, push=0.9)) == "unusable"
    assert forced_level(attempt(1, idle=0.0)) == "doubtful"
