"""From an experiment to its trials, in the order in which they run (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from orchestrator.predict import in_flight, long_ways_seconds, no_overlap_seconds
from orchestrator.records.directory import trial_name
from orchestrator.session.plan.slow_links import goodput_look
from orchestrator.spec import Choices, Chosen, Experiment, Scale, ServerExchange, SocketBuffers
from workloads.models.devices import DeviceModel
from workloads.models.profiles import BYTES_PER_ELEMENT, load_model
from workloads.process.checkpoints import Checkpoints

# Start of four processes, reading back the network, fetching records: measured on two cores.
TRIAL_OVERHEAD_SECONDS = 2.0
# What importing PyTorch adds for each process, where cores are fewer than processes.
TORCH_SECONDS = 2.0
LEAST_MACS_PER_SECOND = 5e9
"""Of a core that computes real layers: a slow one, for this decides how long is waited for it."""
# Building it, and starting what measures its goodput.
TESTBED_SECONDS = 8.0


@dataclass(frozen=True)
class Trial(Chosen):
    """One training, or one run of a program: one value of every choice, and a repeat.

    Attributes:
        index: place in the run, from 1.
        choices: the model, the schedule, and whatever else the experiment lets vary.
        repeat: from 1.
        attempt: from 1; a trial that was disturbed is tried again.
        checkpoints: where it keeps some, and after how many iterations it goes on; None: nowhere.
        iteration_seconds: upper estimate of one of its iterations, on the clock; of a program 0.
        seconds: upper estimate of the whole trial, on the clock.
    """

    index: int
    choices: Choices
    repeat: int
    attempt: int = 1
    checkpoints: Checkpoints | None = None
    iteration_seconds: float = 0.0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if min(self.index, self.repeat, self.attempt) < 1:
            raise ValueError(f"trials, repeats and attempts count from 1: {self}")

    @property
    def program(self) -> str:
        """The program that runs; empty: of a training."""
        return self.choices.program

    @property
    def directory(self) -> str:
        """Name of the trial's directory in the run's directory."""
        return trial_name(self.index, self.choices, self.repeat, self.attempt)


def plan_trials(experiment: Experiment) -> tuple[Trial, ...]:
    """All trials; what is compared runs, in each repeat, one right after the other.

    So a drift of the machine meets every schedule alike. Every second repeat turns their order
    round (A B, B A), so that none always comes first.
    """
    trials: list[Trial] = []
    for repeat in range(1, experiment.repeats + 1):
        for compared in experiment.groups():
            for choices in compared if repeat % 2 else compared[::-1]:
                iteration, seconds = _times(experiment, choices)
                index = len(trials) + 1
                trials.append(
                    Trial(
                        index,
                        choices,
                        repeat,
                        iteration_seconds=iteration,
                        seconds=seconds + TRIAL_OVERHEAD_SECONDS,
                    )
                )
    return tuple(trials)


def _times(experiment: Experiment, choices: Choices) -> tuple[float, float]:
    """Upper estimates of an iteration and of all of them, on the clock."""
    if choices.program:
        return 0.0, experiment.programs[choices.program].limit_seconds
    if choices.job:
        experiment = experiment.of_job(choices.job, choices.schedule)
    iteration = iteration_seconds(experiment, choices.model, choices.schedule)
    if experiment.accompanied(choices):
        # Each of the jobs beside may take as much of a link as the measured one.
        iteration *= 1 + len(experiment.jobs)
    return iteration, experiment.all_iterations * iteration + _torch_seconds(experiment)


def iteration_seconds(experiment: Experiment, model: str, schedule: str) -> float:
    """Upper estimate of one iteration in emulated seconds."""
    real = _real_seconds(
        experiment.probed.exchange,
        model,
        tuple(experiment.devices.items()),
        experiment.batch,
        experiment.socket_buffers,
        experiment.scale,
        in_flight(
            experiment.schedule(schedule), experiment.model(model), len(experiment.exchange.workers)
        ),
    )
    wide = experiment.learning.element_bytes // BYTES_PER_ELEMENT
    return wide * experiment.scale.seconds(real) + _computing_seconds(experiment, model)


def _torch_seconds(experiment: Experiment) -> float:
    processes = 1 + len(experiment.placement.workers)
    return experiment.learning.real * processes * TORCH_SECONDS


def _computing_seconds(experiment: Experiment, model: str) -> float:
    """Upper estimate of the real computation of an iteration, on this machine's clock.

    A backward pass takes twice a forward one, and workers may have to take turns.
    """
    if not experiment.learning.real:
        return 0.0
    macs = sum(layer.macs for layer in load_model(model).layers)
    images = experiment.exchange.images(experiment.batch)
    return images * 3 * macs / LEAST_MACS_PER_SECOND


@lru_cache(maxsize=64)
def _real_seconds(  # noqa: PLR0917 (a cache knows positions)
    exchange: ServerExchange,
    model: str,
    devices: tuple[tuple[str, DeviceModel], ...],
    batch: int,
    buffers: SocketBuffers,
    scale: Scale,
    credit: float | None,
) -> float:
    # The same for many trials of a model, of which there may be thousands.
    loaded = load_model(model)
    return no_overlap_seconds(exchange, loaded, dict(devices), batch) + long_ways_seconds(
        exchange, loaded.bytes, buffers, scale, credit
    )


def run_seconds(experiment: Experiment) -> float:
    """Upper estimate of the whole run's time on the clock."""
    trials = trials_seconds(plan_trials(experiment))
    if not experiment.models:
        return TESTBED_SECONDS + trials
    look = goodput_look(experiment.probed.exchange, experiment.socket_buffers, experiment.scale)
    return TESTBED_SECONDS + trials + (0.0 if look.outlasts(trials) else look.total)


def trials_seconds(trials: Iterable[Trial]) -> float:
    """Upper estimate of the time of trials on the clock."""
    return sum(trial.seconds for trial in trials)
