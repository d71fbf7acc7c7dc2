"""What the parameter server notes about an iteration."""

from __future__ import annotations

import itertools

import pytest

from workloads.process.process_records import CompetingRecord
from workloads.programs.iteration_log import IterationLog, Logs


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock is a second later than the one before."""
    seconds = itertools.count(1)
    monkeypatch.setattr("time.monotonic_ns", lambda: next(seconds) * 10**9)


def test_flows_compete_from_when_all_have_begun_until_the_first_is_done() -> None:
    log = IterationLog(0, [3, 3])
    for worker, payload, units in (
        (0, 30, 1),
        (0, 10, 0),
        (1, 5, 0),
        (0, 20, 1),
        (1, 20, 0),
        (0, 40, 1),
        (1, 75, 3),
    ):
        log.sent(worker, payload, units)
    # From (40, 5) to (100, 25): the clock was looked at then, and then.
    assert log.record().pull_competing == CompetingRecord(1.0, [60, 20])
    assert log.record().pull_bytes_at_first_done == [100, 25]
    assert log.all_sent.is_set()


def test_who_is_done_before_the_other_begins_does_not_compete() -> None:
    log = IterationLog(0, [2, 2])
    for worker, payload in ((0, 60), (1, 3)):  # a unit may be any number of bytes
        log.pushed(worker, payload, 1)
        log.pushed(worker, payload, 1)
        if not worker:
            assert log.missing(("a", "b")) == "b (pulled 0, pushed 0 of 2 units)"
    assert log.missing(("a", "b")) == ""
    assert log.record().push_competing == CompetingRecord(0.0, [0, 0])
    assert (log.payload_in, log.payload_out) == (126, 0)


def test_logs_are_made_when_they_are_asked_for() -> None:
    logs = Logs([2])
    logs[3].pushed(0, 70, 1)
    logs[1].sent(0, 30, 0)
    assert [logs[number].number for number in (1, 3)] == [1, 3]
    assert logs.payload == (70, 30)


def test_a_worker_that_moves_nothing_is_not_waited_for() -> None:
    log = IterationLog(0, [1, 0])
    log.sent(0, 4, 1)
    log.pushed(0, 4, 1)
    assert log.all_sent.is_set()
    assert log.missing(("a", "b")) == ""
