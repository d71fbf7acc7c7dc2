"""What trials show of a scale, and that it stands above the calibration of that scale."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.analysis import read_run, summarise
from orchestrator.records.goodput import GoodputRecord, PortGoodput
from orchestrator.session.scale.cache import CalibrationCache
from orchestrator.session.scale.calibration import (
    NEEDED_IDLE,
    Chosen,
    NoScaleFits,
    ScaleQuery,
    Shown,
    decide,
)
from orchestrator.session.scale.lessons import evidence_of, learn
from tests.unit.analysis.builder import write_run
from tests.unit.analysis.fake_trial import FakeTrial
from tests.unit.session.attempts import attempt

SERVED = [98, 1, 1]
KEY = {"machine": "this"}
AUTO = ScaleQuery((1.0, 2.0), 0.5, NEEDED_IDLE)


def goodput(share: float) -> GoodputRecord:
    port = PortGoodput(
        port="a->b",
        direction="push",
        payload_bytes=1,
        seconds=1,
        bps=share * 1e9,
        nominal_bps=1e9,
    )
    return GoodputRecord(ports=(port, port.model_copy(update={"bps": 1e9})))


def priority(**how: object) -> FakeTrial:
    given = {"pull": SERVED, "push": SERVED, "others": 0.0, **how}
    return FakeTrial(schedule="switch-priority", **given)  # type: ignore[arg-type]


def lesson(tmp_path: Path, trials: list[FakeTrial], share: float = 0.99) -> Shown | None:
    summary = summarise(read_run(write_run(tmp_path, trials)))
    return evidence_of(summary, goodput(share), ["switch-priority"])


def test_trials_that_were_ok_show_that_a_scale_is_carried(tmp_path: Path) -> None:
    trials = [FakeTrial(others=0.0, idle=0.5), priority(idle=0.4)]
    learned = lesson(tmp_path, trials)
    assert learned == Shown(trials=2, idle=0.4, goodput=0.99)
    late = attempt(1, first=0.72)
    assert not late.carried(NEEDED_IDLE)
    taught = late.model_copy(update={"shown": learned})
    assert decide(AUTO, {1.0: taught}) == Chosen(taught)
    assert "; 2 trials: 99 % of the rates, 40 % idle" in taught.figures()


def test_trials_without_idle_time_show_that_it_is_not(tmp_path: Path) -> None:
    learned = lesson(tmp_path, [priority(idle=0.15)])
    assert learned is not None
    refused = attempt(1).model_copy(update={"shown": learned})
    assert refused.short_of(NEEDED_IDLE) == ("idle time 15 % of the 20 % needed",)
    second = attempt(2, idle=0.1)
    assert decide(AUTO, {1.0: refused, 2.0: second}) == NoScaleFits((refused, second))


def test_links_that_carry_less_than_their_rate_show_it_too(tmp_path: Path) -> None:
    learned = lesson(tmp_path, [priority()], 0.9)
    assert learned is not None
    refused = attempt(1).model_copy(update={"shown": learned})
    assert refused.short_of(NEEDED_IDLE) == ("rate 90 % of the 95 % needed",)


@pytest.mark.parametrize(
    ("trials", "share"),
    [
        ([priority(others=None)], 0.99),  # of a version that did not look
        ([priority(others=1.0, idle=0.15)], 0.99),  # disturbed
        ([FakeTrial(others=0.0)], 0.99),  # nothing asked for an order at the switches
        ([priority(pull=[50, 25, 25])], 0.99),  # an order that the network did not give
        ([priority(drops=5000)], 0.99),  # doubtful
        ([priority(others=1.0), priority(attempt=2)], 0.9),  # the goodput may have been disturbed
    ],
)
def test_what_is_not_sure_shows_nothing(
    tmp_path: Path, trials: list[FakeTrial], share: float
) -> None:
    assert lesson(tmp_path, trials, share) is None


def test_without_a_goodput_nothing_is_known_of_the_links(tmp_path: Path) -> None:
    summary = summarise(read_run(write_run(tmp_path, [priority()])))
    assert evidence_of(summary, GoodputRecord(failed="killed"), ["switch-priority"]) is None


def test_a_lesson_is_remembered_with_the_scale_that_was_run(tmp_path: Path) -> None:
    cache = CalibrationCache(tmp_path)
    made = [attempt(1, pull=0.5), attempt(2)]
    cache.remember(KEY, made)
    record = {"key": KEY, "chosen": 2.0, "attempts": [one.model_dump() for one in made]}
    evidence = Shown(trials=3, idle=0.1, goodput=0.97)
    learn(record, evidence, cache)
    learn(record, None, cache)
    learn(None, evidence, cache)
    learn({"asked": "1,1", "not_needed": "slow links"}, evidence, cache)
    assert cache.attempts(KEY) == {1.0: made[0], 2.0: attempt(2, shown=evidence)}
