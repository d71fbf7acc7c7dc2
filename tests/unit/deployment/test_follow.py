from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.deployment.follow import Failure, Watch, root_cause
from orchestrator.deployment.plan import After, ProcessPlan
from orchestrator.deployment.process import Ended, Printed, Told

PS = ProcessPlan(
    "ps", "ps", ("it",), progress="iteration", start_seconds=5, silence_seconds=60, heartbeat=True
)


def watch(*workers: str) -> Watch:
    listens = (After("ps", "event", "listening"),)
    plans = [replace(PS, name=name, after=listens, heartbeat=False) for name in workers]
    waits = replace(PS, name="late", after=listens)  # never started
    watch = Watch([PS, *plans] if plans else [PS, waits])
    for name in ("ps", *workers):
        watch.started(name, 100.0)
    return watch


def tell(watch: Watch, host: str, now: float, kind: str, **more: object) -> None:
    watch.told(Told(host, {"event": kind, **more}), now)


def training(*workers: str) -> Watch:
    """Everything started at 100, and the parameter server listened."""
    made = watch(*workers)
    for host in ("ps", *workers):
        tell(made, host, 100.0, "started")
    tell(made, "ps", 100.0, "listening")
    return made


def test_a_process_must_tell_that_it_runs() -> None:
    made = watch()
    assert made.deadline() == 105.0
    assert made.overdue(104.9) is None
    assert made.overdue(105.0) == Failure("ps", "told nothing within 5 s of its start", 2)


def test_the_parameter_server_must_listen() -> None:
    made = watch()
    tell(made, "ps", 101.0, "started")
    assert made.startable() == []
    assert made.overdue(106.0) == Failure("ps", "was not listening within 5 s", 2)
    tell(made, "ps", 102.0, "listening")
    assert [plan.name for plan in made.startable()] == ["late"]
    assert made.deadline() == 162.0


def test_a_worker_that_reports_nothing_is_not_judged_while_it_trains() -> None:
    made = training("worker0")
    tell(made, "ps", 150.0, "iteration", iteration=0)
    assert made.deadline() == 210.0
    assert made.overdue(209.0) is None
    failure = made.overdue(210.0)
    assert failure is not None
    assert failure.process == "ps"


def test_the_one_that_hangs_was_heard_first() -> None:
    made = training("worker0", "worker1")
    tell(made, "worker1", 110.0, "iteration", iteration=0)
    tell(made, "worker0", 111.0, "iteration", iteration=0)
    tell(made, "ps", 112.0, "iteration", iteration=0)
    assert made.overdue(200.0) == Failure("worker1", "silent for 60 s", 2)


def test_workers_must_end_after_the_parameter_server() -> None:
    made = training("worker0")
    assert made.ended(Ended("ps", 0), 500.0) is None
    assert not made.all_ended
    assert made.deadline() == 560.0
    assert made.overdue(560.0) == Failure("worker0", "silent for 60 s", 2)
    assert made.ended(Ended("worker0", 0), 561.0) is None
    assert made.all_ended
    assert made.overdue(9999.0) is None


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (1, Failure("worker0", "ended with exit status 1", 1)),
        (-9, Failure("worker0", "killed by signal SIGKILL", 0)),
        (
            None,
            Failure("worker0", "the SSH connection or session ended before the process did", 0),
        ),
    ],
)
def test_a_bad_end(status: int | None, failure: Failure) -> None:
    assert training("worker0").ended(Ended("worker0", status), 101.0) == failure


def test_a_parameter_server_that_leaves_before_it_listens() -> None:
    failure = watch().ended(Ended("ps", 0), 101.0)
    assert failure == Failure("ps", "ended before it was listening", 1)


def test_progress_is_the_last_iteration_of_anyone() -> None:
    made = training("worker0")
    assert made.progress() == ", before the end of the first iteration"
    tell(made, "worker0", 101.0, "iteration", iteration=4)
    tell(made, "ps", 102.0, "iteration", iteration=3)
    tell(made, "ps", 103.0, "iteration", iteration="nonsense")
    assert made.progress() == ", after iteration 4"


def test_the_cause_is_what_was_taken_away_then_what_came_first() -> None:
    gave_up = Failure("ps", "ended with exit status 1", 1)
    killed = Failure("worker1", "killed by signal SIGKILL", 0)
    late = Failure("worker0", "ended with exit status 1", 1)
    assert root_cause([gave_up, late, killed]) == (killed, [gave_up, late])
    assert root_cause([late, gave_up]) == (late, [gave_up])


def test_a_process_whose_output_was_cut_short_has_failed() -> None:
    made = training("worker0")
    failure = made.ended(Ended("worker0", 0, cut_short=True), 101.0)
    assert failure == Failure("worker0", "ended, but its output did not", rank=1)


def test_a_time_limit_counts_from_the_start() -> None:
    made = Watch([replace(PS, events=False, silence_seconds=None, limit_seconds=30)])
    made.started("ps", 100.0)
    assert made.overdue(129.9) is None
    assert made.overdue(130.0) == Failure("ps", "did not end within 30 s", 2)


def test_a_line_that_others_wait_for_must_be_printed() -> None:
    server = replace(PS, events=False)
    client = replace(server, name="client", after=(After("ps", "printed", "ready"),))
    made = Watch([client, server])
    made.started("ps", 100.0)
    made.printed(Printed("ps", "stdout", "not yet\n"), 104.0)
    assert made.startable() == []
    assert made.overdue(105.0) == Failure("ps", "did not print 'ready' within 5 s", 2)
    made.printed(Printed("ps", "stderr", "now ready\n"), 105.0)
    assert made.startable() == [client]


def test_what_waits_for_an_end_starts_after_a_good_one() -> None:
    second = replace(PS, name="second", after=(After("ps", "exit"),))
    made = Watch([PS, second])
    made.started("ps", 100.0)
    assert made.startable() == []
    assert made.ended(Ended("ps", 0), 101.0) is None
    assert made.startable() == [second]
    assert not made.all_ended


def test_seconds_are_rounded_for_people() -> None:
    made = Watch([replace(PS, silence_seconds=20.1406)])
    made.started("ps", 100.0)
    for kind in ("started", "listening"):
        tell(made, "ps", 100.0, kind)
    failure = made.overdue(130.0)
    assert failure is not None
    assert failure.what == "silent for 20.1 s"
