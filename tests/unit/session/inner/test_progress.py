"""What a person sees of a run."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console

from orchestrator.session.inner.progress import Forecast, RunProgress, TrialProgress, clock_text
from orchestrator.session.plan.trials import plan_trials
from orchestrator.spec import Choices, Experiment, Program, Scale, Throughput
from tests.unit.session.examples import TRIAL, experiment, iteration
from workloads.schedule.kinds import SynchronisationName
from workloads.schedule.schedule import Schedule


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Screen:
    """A console on which a run is shown, and what it has written."""

    def __init__(self, folder: Path, *, terminal: bool = False, width: int = 60) -> None:
        self.text = io.StringIO()
        console = Console(file=self.text, force_terminal=terminal, width=width, _environ={})
        self.clock = Clock()
        self.experiment = experiment(folder)
        self.trials = plan_trials(self.experiment)
        self.progress = RunProgress(self.experiment, self.trials, console, self.clock)

    def lines(self) -> list[str]:
        return self.text.getvalue().splitlines()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (59.4, "0:59"), (59.6, "1:00"), (187, "3:07"), (3600, "60:00")],
)
def test_clock_text(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text


def test_plain_lines_without_a_terminal(tmp_path: Path) -> None:
    screen = Screen(tmp_path)
    with screen.progress as progress:
        progress.say("building the testbed of [x], 0.5")
        progress.start(screen.trials[0])
        progress.event("ps", {"event": "listening"})
        ends(progress, 0, 0, 1)
        assert screen.lines() == ["building the testbed of [x], 0.5"]
        ends(progress, 1, 1, 3)
        ends(progress, 2, 3, 5)
        screen.clock.now += 65
        progress.finish(screen.trials[0], None)
    # Three workers, two iterations, 4 s; D = 0.5. Longer than the console is wide, and not cut.
    assert screen.lines()[1].startswith(
        "[1/8] googlenet none, repeat 1/2, iteration 3/4, 0.750 imgs/sec, 1:05 min, "
    )
    assert screen.lines()[1].endswith(" left")
    assert "\x1b" not in screen.text.getvalue()


def test_a_failed_trial_says_why(tmp_path: Path) -> None:
    screen = Screen(tmp_path)
    with screen.progress as progress:
        progress.start(screen.trials[1])
        screen.clock.now += 1
        progress.finish(screen.trials[1], "worker0: killed by signal SIGKILL")
    (line,) = screen.lines()
    assert line.startswith(
        "[2/8] googlenet switch-priority, repeat 1/2, iteration 0/4, warming up, "
    )
    assert line.endswith(" left, failed: worker0: killed by signal SIGKILL")


def test_a_terminal_shows_the_trial_that_runs_and_clears_it(tmp_path: Path) -> None:
    screen = Screen(tmp_path, terminal=True)
    with screen.progress as progress:
        progress.start(screen.trials[0])
        ends(progress, 0, 0, 1)
        live = progress._live
        assert live is not None
        assert live.tasks[0].description.startswith(
            "googlenet none, repeat 1/2, iteration 1/4, warming up, "
        )
        progress.finish(screen.trials[0], None)
        assert live.tasks[0].completed == 1
    assert live.live.is_started is False


def test_a_narrow_terminal_shows_all_of_it(tmp_path: Path) -> None:
    screen = Screen(tmp_path, terminal=True, width=40)
    with screen.progress as progress:
        progress.start(screen.trials[0])
        live = progress._live
        assert live is not None
        live.refresh()
        description = live.tasks[0].description
    assert "…" not in screen.text.getvalue()
    assert description.split()[-2] in screen.text.getvalue()


def test_imgs_per_sec_so_far(tmp_path: Path) -> None:
    # One iteration to warm up; D = 0.5, three workers with two images each.
    made = replace(experiment(tmp_path), batch=2)
    progress = TrialProgress(made, TRIAL)
    assert progress.text() == "googlenet switch-priority, repeat 1/2, iteration 0/4, warming up"
    progress.event("worker0", {"event": "started"})
    ends(progress, 0, 10, 100)
    assert (progress.iterations_done, progress.imgs_per_sec) == (1, None)
    ends(progress, 1, 100, 102)
    assert progress.imgs_per_sec == pytest.approx(6 / 2 * 0.5)
    # What only some workers have ended does not count yet, and what the server tells never.
    progress.event("worker0", iteration(2, 102, 106))
    progress.event("ps", iteration(2, 102, 106))
    assert progress.iterations_done == 2
    assert progress.imgs_per_sec == pytest.approx(6 / 2 * 0.5)
    ends(progress, 2, 102, 106, workers=(1, 2))
    assert progress.imgs_per_sec == pytest.approx(12 / 6 * 0.5)
    assert progress.text().endswith("iteration 3/4, 1.000 imgs/sec")
    # The cool-down goes on, and counts for nothing.
    ends(progress, 3, 106, 200)
    assert progress.text().endswith("iteration 4/4, 1.000 imgs/sec")


def test_a_line_counts_what_the_model_counts(tmp_path: Path) -> None:
    # 0.75 sequences a second, each of 1,024 tokens.
    trial = replace(TRIAL, choices=Choices(model="gpt2", schedule="none"))
    progress = TrialProgress(experiment(tmp_path), trial)
    ends(progress, 0, 0, 1)
    ends(progress, 1, 1, 3)
    assert progress.text().endswith(", 768.000 tokens/sec")


def test_the_line_of_a_trial_has_the_figure_of_the_table(tmp_path: Path) -> None:
    """Workers with paces of their own: all of them add up, in the time in which all train."""
    made = with_schedule(experiment(tmp_path), "asynchronous")
    progress = TrialProgress(made, replace(TRIAL, choices=TRIAL.choices.under("mine")))
    times = {"worker0": [1, 2, 3, 4, 5, 6], "worker1": [2, 4, 6, 8], "worker2": [2, 4, 6, 8]}
    for worker, seconds in times.items():
        for number, (start, end) in enumerate(pairwise([0, *seconds])):
            progress.event(worker, iteration(number, start, end))
    # From 2 s to 6 s; D = 0.5.
    assert progress.imgs_per_sec == pytest.approx((1 + 0.5 + 0.5) * 0.5)
    # Two have done all that they were asked for, and one more than that.
    assert progress.text() == "googlenet mine, repeat 1/2, iteration 4/4, 1.000 imgs/sec"


def ends(
    progress: RunProgress | TrialProgress,
    number: int,
    started: float,
    ended: float,
    workers: Iterable[int] = range(3),
) -> None:
    """An iteration ends on these workers."""
    for worker in workers:
        progress.event(f"worker{worker}", iteration(number, started, ended))


def with_schedule(made: Experiment, synchronisation: SynchronisationName) -> Experiment:
    own = Schedule("mine", "a test", order="generation", synchronisation=synchronisation)
    return replace(made, custom_schedules={"mine": own})


def test_time_left_is_the_plan_at_first(tmp_path: Path) -> None:
    made = experiment(tmp_path)
    trials = plan_trials(made)
    planned = sum(trial.seconds for trial in trials)
    assert planned > 0
    assert Forecast(trials).left(0.0) == pytest.approx(planned)
    assert Forecast(trials).left(1.5) == pytest.approx(planned - 1.5)
    assert Forecast(trials).left(10 * planned) == 0.0


def test_time_left_learns_from_what_trials_took(tmp_path: Path) -> None:
    made = experiment(tmp_path)
    trials = plan_trials(made)
    forecast = Forecast(trials)
    for trial in trials[:3]:
        forecast.finished(trial, 0.5 * trial.seconds)
    rest = sum(trial.seconds for trial in trials[3:])
    assert forecast.left(0.0) == pytest.approx(0.5 * rest)
    for trial in trials[3:]:
        forecast.finished(trial, 1.0)
    assert forecast.left(0.0) == 0.0


def test_a_program_shows_its_last_reading_in_the_real_systems_time(tmp_path: Path) -> None:
    program = Program("own", ("x",), ("worker0",), Throughput(json="speed", unit="MB/s"))
    made = experiment(tmp_path, repeats=1).with_scale(Scale(8, 8))
    made = replace(made, models=(), schedules=(), programs={"own": program})
    (trial,) = plan_trials(made)
    assert trial.seconds > program.limit_seconds
    shown = TrialProgress(made, trial)
    assert shown.text() == "own, repeat 1/1, no reading yet"
    shown.event("worker0", {"event": "reading", "number": 0, "value": 2.0})
    assert shown.text() == "own, repeat 1/1, last reading 16.000 MB/s"
