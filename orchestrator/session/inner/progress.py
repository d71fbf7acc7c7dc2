"""The live display of a run; plain lines where there is no terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

from orchestrator.analysis.reading.course import Course
from orchestrator.session.plan.trials import Trial
from orchestrator.spec import Experiment, number_text
from orchestrator.terminal.console import say
from workloads.models.profiles import load_model


class Forecast:
    """Time left, from the planned times corrected by how far off they have been so far."""

    def __init__(self, trials: Iterable[Trial]) -> None:
        self._all = {trial.index: trial.seconds for trial in trials}
        self._planned = dict(self._all)
        self._spent_planned = 0.0
        self._spent = 0.0

    def begin(self, trial: Trial) -> None:
        """A trial begins, perhaps once more."""
        self._planned[trial.index] = self._all[trial.index]

    def keep(self, index: int) -> None:
        """A trial is there from before."""
        self._planned.pop(index, None)

    def finished(self, trial: Trial, seconds: float) -> None:
        """Take a trial's real time into account."""
        self._spent_planned += self._planned.pop(trial.index)
        self._spent += seconds

    def left(self, trial_seconds_so_far: float) -> float:
        """Seconds that the rest of the run will take, the current trial included."""
        factor = self._spent / self._spent_planned if self._spent_planned else 1.0
        return max(0.0, sum(self._planned.values()) * factor - trial_seconds_so_far)


def clock_text(seconds: float) -> str:
    """Minutes and seconds, `3:07`."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


class TrialProgress:
    """One trial as it goes on: its iteration, and throughput of the measured ones so far.

    They are those of the table when the trial has ended: `Course` makes both, from the same times.
    """

    def __init__(self, experiment: Experiment, trial: Trial) -> None:
        self.trial = trial
        job = trial.choices.job
        self._experiment = experiment = experiment.of_job(job) if job else experiment
        self._reading: float | None = None
        self._workers: dict[str, list[tuple[int, int]]] = {
            worker: [] for worker in experiment.placement.workers
        }

    def event(self, host: str, event: Mapping[str, Any]) -> None:
        """Take an event of one of the trial's processes."""
        if event.get("event") == "reading":
            self._reading = float(event["value"])
        if event.get("event") == "iteration" and host in self._workers:
            self._workers[host].append((int(event["started_ns"]), int(event["ended_ns"])))

    @property
    def iterations_done(self) -> int:
        """By all workers."""
        asked = self._experiment.all_iterations
        return min(asked, *map(len, self._workers.values()))

    @property
    def imgs_per_sec(self) -> float | None:
        """The real system's, all workers together; None: nothing is measured yet."""
        experiment = self._experiment
        schedule = experiment.schedule(self.trial.schedule)
        course = Course(
            warm_up=experiment.warm_up,
            iterations=experiment.iterations,
            barrier=schedule.barrier,
            in_step=schedule.bulk_synchronous,
            workers=list(self._workers.values()),
        )
        own = experiment.own_batches
        pace = course.images_per_sec([own.get(one, experiment.batch) for one in self._workers])
        return None if pace is None else experiment.scale.imgs_per_sec(pace)

    def text(self) -> str:
        """`resnet50 switch-priority, repeat 2/3, iteration 4/8, 0.771 imgs/sec`."""
        if self.trial.program:
            return f"{self._which()}, {self._last_reading()}"
        experiment = self._experiment
        rate = "warming up" if (pace := self.imgs_per_sec) is None else self._rate_text(pace)
        done = f"iteration {self.iterations_done}/{experiment.all_iterations}"
        return f"{self._which()}, {done}, {rate}"

    def _rate_text(self, imgs_per_sec: float) -> str:
        model = load_model(self.trial.model)
        return f"{number_text(model.rate(imgs_per_sec), 3)} {model.rate_unit}"

    def _which(self) -> str:
        attempt = f", attempt {self.trial.attempt}" if self.trial.attempt > 1 else ""
        return (
            f"{self.trial.choices}, repeat {self.trial.repeat}/{self._experiment.repeats}{attempt}"
        )

    def _last_reading(self) -> str:
        """What a process of a program said last, which is not the figure of the trial."""
        if self._reading is None:
            return "no reading yet"
        real = self._experiment.scale.imgs_per_sec(self._reading)
        unit = self._experiment.programs[self.trial.program].throughput.unit
        return f"last reading {number_text(real, 3)} {unit}"


class RunProgress:
    """Shows a run on a console (standard error); a context manager."""

    def __init__(
        self,
        experiment: Experiment,
        trials: Sequence[Trial],
        console: Console,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._experiment = experiment
        self._console = console
        self._clock = clock
        self._forecast = Forecast(trials)
        self._count = len(trials)
        self._current: TrialProgress | None = None
        self._started = 0.0
        self._live: Progress | None = None
        if console.is_terminal:
            # Folded: on a narrow terminal the end of the line, with the figure, would be missing.
            text = TextColumn("{task.description}", table_column=Column(overflow="fold"))
            self._live = Progress(
                BarColumn(bar_width=20), text, console=console, transient=True, refresh_per_second=2
            )
            self._task = self._live.add_task("building the testbed", total=self._count)

    def __enter__(self) -> RunProgress:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """One line that stays."""
        say(self._console, text)

    def keep(self, indices: Collection[int]) -> None:
        """Trials that are there from before, when a run goes on."""
        for index in indices:
            self._forecast.keep(index)
        if indices:
            self.say(f"{len(indices)} of {self._count} trials are there, and kept")

    def start(self, trial: Trial) -> None:
        """A trial begins."""
        self._current = TrialProgress(self._experiment, trial)
        self._started = self._clock()
        self._forecast.begin(trial)
        self._show()

    def event(self, host: str, event: Mapping[str, Any]) -> None:
        """An event of one of the current trial's processes."""
        if self._current is not None:
            self._current.event(host, event)
            self._show()

    def finish(self, trial: Trial, error: str | None) -> None:
        """A trial has ended."""
        seconds = self._clock() - self._started
        self._forecast.finished(trial, seconds)
        text = self._current.text() if self._current else trial.directory
        left = f"{clock_text(self._forecast.left(0.0))} left"
        # The reason of a failure comes last, for it may have several lines.
        end = f"{clock_text(seconds)} min, {left}" if error is None else f"{left}, failed: {error}"
        self.say(f"[{trial.index}/{self._count}] {text}, {end}")
        if self._live:
            self._live.update(self._task, completed=trial.index)

    def _show(self) -> None:
        if self._live and self._current:
            left = clock_text(self._forecast.left(self._clock() - self._started))
            self._live.update(self._task, description=f"{self._current.text()}, {left} left")
