"""A disturbed trial is repeated, so often and no more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.emulation.limits.use import Use, UseSampler
from orchestrator.session.plan.trials import Trial
from orchestrator.session.store.attempts import Attempts, Tried, disturbed_by
from orchestrator.session.store.quiet import wait_until_quiet
from tests.unit.analysis.fake_trial import FakeTrial
from tests.unit.session.examples import TRIAL

QUIET, FAILED = Tried(failed=False), Tried(failed=True)
DISTURBED = Tried(failed=False, disturbances=("other programs used 1.0 of 2 cores for 9.0 s",))


class Stage:
    """A machine on which attempts end as it was said beforehand."""

    def __init__(self, retries: int, ends: list[Tried]) -> None:
        self.tried: list[Trial] = []
        self.lines: list[str] = []
        self.waits = 0
        self._ends = iter(ends)
        self.attempts = Attempts(retries, self.lines.append, self._wait)

    def _wait(self, _say: Callable[[str], None]) -> bool:
        self.waits += 1
        return True

    def attempt(self, trial: Trial) -> Tried:
        self.tried.append(trial)
        return next(self._ends)

    def run(self) -> Tried:
        return self.attempts.run(TRIAL, self.attempt)


def test_an_undisturbed_trial_is_tried_once() -> None:
    stage = Stage(2, [QUIET])
    assert stage.run() == QUIET
    assert (stage.tried, stage.lines, stage.waits) == ([TRIAL], [], 0)


def test_a_disturbed_trial_is_repeated_after_a_wait() -> None:
    stage = Stage(2, [DISTURBED, QUIET])
    assert stage.run() == QUIET
    assert [trial.attempt for trial in stage.tried] == [1, 2]
    assert [trial.directory for trial in stage.tried] == [
        "003-googlenet-switch-priority-1",
        "003-googlenet-switch-priority-1.2",
    ]
    assert stage.lines == [
        "disturbed: other programs used 1.0 of 2 cores for 9.0 s; attempt 2 of 3 follows"
    ]
    assert stage.waits == 1


def test_at_some_time_it_is_enough() -> None:
    stage = Stage(2, [DISTURBED] * 3)
    assert stage.run() == DISTURBED
    assert (len(stage.tried), stage.waits) == (3, 2)
    assert stage.lines[-1].endswith("; that was the last of 3 attempts")


def test_without_retries_it_is_told_only() -> None:
    stage = Stage(0, [DISTURBED])
    assert stage.run() == DISTURBED
    assert (len(stage.tried), stage.waits) == (1, 0)


def test_a_failure_is_no_disturbance() -> None:
    stage = Stage(2, [FAILED])
    assert stage.run() == FAILED
    assert len(stage.tried) == 1


def test_a_machine_that_stays_busy_does_not_make_every_trial_last_three_times_as_long() -> None:
    stage = Stage(1, [DISTURBED] * 5 + [QUIET, DISTURBED, QUIET])
    for _ in range(2):  # two trials without any undisturbed attempt
        stage.run()
    assert len(stage.tried) == 4
    stage.run()
    assert len(stage.tried) == 5
    assert stage.lines[-1].endswith("; not repeated, for the machine stays busy")
    stage.run()  # undisturbed: from now on it is worth a repeat again
    stage.run()
    assert [trial.attempt for trial in stage.tried[5:]] == [1, 1, 2]


def test_what_disturbed_stands_in_the_records(tmp_path: Path) -> None:
    (reason,) = disturbed_by(FakeTrial(others=0.9).write(tmp_path / "a"))
    assert reason.startswith("other programs used 0.9 of 2 cores for")
    assert disturbed_by(FakeTrial(others=0.1).write(tmp_path / "b")) == ()
    assert disturbed_by(tmp_path) == ()


class Others(UseSampler):
    """Other programs that use so much of two cores at each look."""

    def __init__(self, cores: list[float]) -> None:
        super().__init__(lambda: None)
        self._cores = iter([0.0, *cores])

    def sample(self, stat: str, *, last: bool = False) -> None:
        del stat, last
        used = next(self._cores)
        self.samples.append(Use(0, 0.0, used, 0.0))


@pytest.mark.parametrize(
    ("looks", "quiet", "slept", "waits"),
    [
        ([0.0, 0.0], True, 2, False),
        ([1.0, 0.0, 1.0, 0.0, 0.0], True, 5, True),
        ([0.0, 1.0, 0.0, 0.0], True, 4, True),
        ([1.0] * 60, False, 28, True),
    ],
)
def test_waiting_for_a_quiet_machine(
    monkeypatch: pytest.MonkeyPatch, looks: list[float], quiet: bool, slept: int, waits: bool
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    lines: list[str] = []
    sleeps: list[float] = []
    is_quiet = wait_until_quiet(
        lines.append, sampler=Others(looks), sleep=sleeps.append, stat=lambda: ""
    )
    assert (is_quiet, len(sleeps)) == (quiet, slept)
    line = "waiting for a quiet machine, at most 30 s: others use 1.0 of 2 cores"
    assert lines == ([line] if waits else [])


def test_where_nothing_can_be_seen_there_is_no_wait() -> None:
    sleeps: list[float] = []
    sampler = UseSampler(lambda: None)
    assert wait_until_quiet(lambda _: None, sampler=sampler, sleep=sleeps.append)
    assert len(sleeps) == 1
