"""The layout of a run's directory: every path in it has its name here.

    run.json                 what was run, with what, on what
    trials/<NNN>-<choices>-<repeat>/, such as 003-googlenet-switch-priority-1,
    and <...>.<attempt> of trials that were tried again
        trial.json           what was tried, and how it ended
        network.json         counters of the emulated network, idle CPU, what the kernel kept
        <process>.jsonl      the records of one process: the parameter server or a worker, or the
                             lines that a process of a program printed
    checkpoints/<trial>/     what its processes need to continue it (`checkpoint:`)
    summary.csv summary.json figure.png figure.svg          what `report` makes of it
    learning.png learning.svg                               the same, of real training
    iperf3/<way>.json idle.json bench.json                  a bench's own
    goodput/ urgent/                                        a bench's exchanges: <process>.jsonl

The directory of a sweep has a run.json, sweep.csv, sweep.json and figures, and a run's directory
per point. `trace` adds trace.json and trace.png to the directory of a trial.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orchestrator.spec.experiment.choices import Choices


def trial_name(index: int, choices: Choices, repeat: int, attempt: int) -> str:
    """The name of a trial's directory."""
    again = f".{attempt}" if attempt > 1 else ""
    chosen = "-".join(choices.values()).replace("/", "_")  # a model may be a file
    return f"{index:03d}-{chosen}-{repeat}{again}"


@dataclass(frozen=True)
class ProcessDirectory:
    """A directory with the records of processes."""

    path: Path

    def process(self, name: str) -> Path:
        """The records of one process."""
        return self.path / process_file(name)


@dataclass(frozen=True)
class TrialDirectory(ProcessDirectory):
    """The directory of one trial."""

    @property
    def trial(self) -> Path:
        """What was tried, and how it ended."""
        return self.path / TRIAL

    @property
    def network(self) -> Path:
        """What the testbed counted."""
        return self.path / NETWORK

    @property
    def trace_json(self) -> Path:
        """The trial's trace, for a trace viewer."""
        return self.path / "trace.json"

    @property
    def trace_png(self) -> Path:
        """Its trace, drawn."""
        return self.path / "trace.png"


TRIAL = "trial.json"
NETWORK = "network.json"

RUN = "run.json"
TRIALS = "trials"
IDLE = "idle.json"
BENCH = "bench.json"


def process_file(name: str) -> str:
    """The name of a process's record file."""
    return f"{name}.jsonl"


def iperf_file(way: str) -> str:
    """The name, in a bench's directory, of iperf3's own report."""
    return f"iperf3/{way}.json"


def exchange_file(exchange: str, process: str) -> str:
    """The name, in a bench's directory, of the records of one process of an exchange."""
    return f"{exchange}/{process_file(process)}"


def unfinished(trial: str) -> str:
    """The name of a trial's directory while it is stored: hidden, and no trial yet."""
    return f".{trial}"


@dataclass(frozen=True)
class RunDirectory:
    """The directory of a run, a bench, or a sweep."""

    path: Path

    @property
    def run(self) -> Path:
        """What was run, with what, on what."""
        return self.path / RUN

    @property
    def trials(self) -> Path:
        """The folder of the trials."""
        return self.path / TRIALS

    def trial(self, name: str) -> TrialDirectory:
        """The directory of a trial, by its name."""
        return TrialDirectory(self.trials / name)

    def checkpoints(self, name: str) -> Path:
        """The folder of a trial's checkpoints, by the trial's name."""
        return self.path / "checkpoints" / name

    def unfinished(self, name: str) -> TrialDirectory:
        """Where a trial is while it is stored; hidden, and no trial yet."""
        return TrialDirectory(self.trials / unfinished(name))

    def left_unfinished(self) -> tuple[Path, ...]:
        """What was being stored when a run was killed."""
        return tuple(self.trials.glob(unfinished("*")))

    def stored(self) -> tuple[TrialDirectory, ...]:
        """All trials that were stored whole, by name."""
        return tuple(map(TrialDirectory, sorted(self.trials.glob("[!.]*"))))

    @property
    def summary_csv(self) -> Path:
        """A line per attempt of a trial."""
        return self.path / "summary.csv"

    @property
    def summary_json(self) -> Path:
        """The rows."""
        return self.path / "summary.json"

    @property
    def sweep_csv(self) -> Path:
        """Of a sweep: a line per point, model and schedule."""
        return self.path / "sweep.csv"

    @property
    def sweep_json(self) -> Path:
        """Of a sweep: the same rows for a program."""
        return self.path / "sweep.json"

    @property
    def figure_png(self) -> Path:
        """The figure."""
        return self.path / "figure.png"

    @property
    def figure_svg(self) -> Path:
        """The figure, as vectors."""
        return self.path / "figure.svg"

    @property
    def learning_png(self) -> Path:
        """Loss and accuracy of real training."""
        return self.path / "learning.png"

    @property
    def learning_svg(self) -> Path:
        """The same, as vectors."""
        return self.path / "learning.svg"

    @property
    def idle(self) -> Path:
        """Of a bench: idle share of the machine by what was measured."""
        return self.path / IDLE

    @property
    def bench(self) -> Path:
        """Of a bench: its figures."""
        return self.path / BENCH

    def iperf(self, way: str) -> Path:
        """Of a bench: iperf3's own report."""
        return self.path / iperf_file(way)

    def exchange(self, name: str) -> ProcessDirectory:
        """Of a bench: the records of one exchange of traffic, `goodput` or `urgent`."""
        return ProcessDirectory(self.path / name)
