"""Synthetic records of a run: what the trials of an experiment would have left behind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.unit.collector.spans_builder import layout_record, server_record, spans_records
from workloads.models.profiles import load_model
from workloads.schedule.units import Layout

SECOND = 1_000_000_000
REFERENCE = Path(__file__).parents[3] / "results/reference/run.json"


@dataclass
class FakeTrial:
    """A trial of undisturbed iterations; every field can be set to disturb it.

    `imgs_per_sec` is the real system's; iterations last as long as it takes to get it.
    """

    model: str = "alexnet"
    schedule: str = "none"
    repeat: int = 0
    index: int = 0
    attempt: int = 1
    imgs_per_sec: float = 0.24
    workers: int = 3
    batch: int = 1
    iterations: int = 5
    warm_up: int = 2
    cool_down: int | None = 1  # None: as a version without one
    rates: float = 1
    time: float = 0.5
    seed: int = 1
    slow: Mapping[int, float] = field(default_factory=dict)  # iteration -> times as long
    pull: Sequence[int] | None = None  # bytes by worker at first done, of every iteration
    push: Sequence[int] | None = None
    payload: int = 100_000_000  # bytes, in each direction, of an iteration
    idle: float = 0.6
    cpu: Sequence[tuple[int, float]] | None = None
    others: float | None = None  # of two cores, what other programs had; None: not recorded
    switch_cpu: Sequence[tuple[int, float]] = ()
    input_drops: int = 0
    retransmits: int = 0
    retransmits_namespaces: int = 0
    drops: int = 0
    packets: int = 1_000_000
    management: int = 1000
    parameters: str = "aa" * 32
    congestion_controls: Sequence[str] = ("cubic",)
    kept_differs: Sequence[str] = ()
    caps: Mapping[str, Any] | None = None
    # Without a step barrier: per worker and iteration, when its backward pass was done (ns).
    backward_done: Sequence[Sequence[int]] | None = None
    synchronisation: str = "per-slice"  # of a trial without a step barrier
    staleness: int | None = None
    outcome: str = "finished"
    error: str | None = None
    spans: bool = False
    training_cpu: bool = True  # False: as a version that did not record it

    @property
    def names(self) -> list[str]:
        return [f"worker{n}" for n in range(self.workers)]

    @property
    def all_iterations(self) -> int:
        return self.warm_up + self.iterations + (self.cool_down or 0)

    def releases(self) -> list[int]:
        """Nanoseconds of the barrier releases, one more than there are iterations."""
        length = self.workers * self.batch / self.imgs_per_sec * self.time
        times = [10 * SECOND]
        measured = range(self.warm_up, self.warm_up + self.iterations)
        for iteration in range(self.all_iterations):
            # The others are slower, so that a measure that counts them is wrong.
            factor = self.slow.get(iteration, 1.0) if iteration in measured else 3.0
            times.append(times[-1] + round(length * factor * SECOND))
        return times

    def write(self, run: Path) -> Path:
        """Write the records under `run`; returns the trial's directory."""
        name = f"{self.index:03d}-{self.model}-{self.schedule}-{self.repeat}"
        name += f".{self.attempt}" if self.attempt > 1 else ""
        place = run / "trials" / name
        place.mkdir(parents=True)
        _dump(place / "trial.json", self._trial())
        if self.outcome == "finished":
            _dump(place / "network.json", self._network())
            _dump_lines(place / "ps.jsonl", self._ps())
            for number, worker in enumerate(self.names):
                _dump_lines(place / f"{worker}.jsonl", self._worker(worker, number))
        return place

    def _trial(self) -> dict[str, Any]:
        return {
            "index": self.index,
            "model": self.model,
            "schedule": self.schedule,
            "repeat": self.repeat,
            "attempt": self.attempt,
            "outcome": self.outcome,
            "error": self.error,
            "seconds": 60.0,
            "ps": "ps",
            "workers": self.names,
            "batch": self.batch,
            "iterations": self.iterations,
            "warm_up": self.warm_up,
            **({} if self.cool_down is None else {"cool_down": self.cool_down}),
            "scale": {"rates": self.rates, "time": self.time},
            "switch": "linux-bridge",
        }

    def _network(self) -> dict[str, Any]:
        begin, end = self.releases()[0], self.releases()[-1]
        cpu = self.cpu
        if cpu is None:
            # Busy before and after: a measure that looks there is wrong.
            inside = [(t, self.idle) for t in range(begin, end + 1, SECOND)]
            cpu = [(begin - SECOND, 0.0), *inside, (end + 2 * SECOND, 0.0)]
        trunk = {
            "port": "switch0->switch1",
            "device": "switch0-eth2",
            "bytes": 1_500 * self.packets,
            "packets": self.packets,
            "drops": self.drops,
            "classes": [],
        }
        caps = {} if self.caps is None else {"caps": self.caps}
        use = {}
        if self.others is not None:
            times = range(begin - SECOND, end + 2 * SECOND, SECOND)
            samples = [(t, 0.5, self.others, 0.0) for t in times]
            use = {"use": {"cores": 2, "samples": samples}}
        return {
            **caps,
            **use,
            "switch": "linux-bridge",
            "ports": [trunk, {**trunk, "port": "switch1->switch0", "drops": 0}],
            "management_bytes": {"ps": self.management},
            "tcp_retransmits": {"ps": self.retransmits_namespaces},
            "cpu": [list(sample) for sample in cpu],
            "switch_cpu": [list(sample) for sample in self.switch_cpu],
            "switch_input_drops": {"switch0->switch1": self.input_drops},
            "commands": [],
            "kept": {},
            "kept_differs": list(self.kept_differs),
        }

    def _job(self, name: str) -> dict[str, Any]:
        return {"event": "job", "process": name, "seed": self.seed, "congestion_control": "cubic"}

    def _ps(self) -> list[dict[str, Any]]:
        fair = [self.payload // self.workers] * self.workers
        releases = self.releases()
        connections = [
            {"event": "connection", "process": "ps", "worker": n, "congestion_control": kept}
            for n, kept in enumerate(self.congestion_controls)
        ]
        iterations = [
            {
                "event": "iteration",
                "process": "ps",
                "iteration": number,
                "released_ns": releases[number],
                "next_release_ns": releases[number + 1],
                "pull_bytes_at_first_done": list(self.pull or fair),
                "push_bytes_at_first_done": list(self.push or fair),
                "payload_in": self.payload,
                "payload_out": self.payload,
            }
            for number in range(self.all_iterations)
        ]
        end = {
            "event": "end",
            "process": "ps",
            "parameters_sha256": self.parameters,
            "cpu_seconds": 2.0,
            **self._training_cpu(1.75, 0.25),
            "max_rss_bytes": 1,
            "connections": [
                {"worker": n, "retransmits": self.retransmits} for n in range(self.workers)
            ],
        }
        choices = "step-barrier" if self.backward_done is None else self.synchronisation
        schedule = {
            "event": "schedule", "process": "ps",
            "synchronisation": choices, "staleness": self.staleness,
        }  # fmt: skip
        return [self._job("ps"), schedule, *connections, *iterations, *self._ps_spans(), end]

    def _worker(self, name: str, number: int) -> list[dict[str, Any]]:
        kept = self.congestion_controls
        connection = [
            {"event": "connection", "process": name, "congestion_control": value}
            for value in kept[-1:]
        ]
        end = {
            "event": "end",
            "process": name,
            "cpu_seconds": 0.5 + number,
            **self._training_cpu(0.25 + number, 0.125),
            "retransmits": 0,
        }
        done = [] if self.backward_done is None else self.backward_done[number]
        iterations = [
            {"event": "iteration", "process": name, "iteration": index, "backward_done_ns": moment}
            for index, moment in enumerate(done)
        ]
        return [self._job(name), *connection, *iterations, *self._worker_spans(number), end]

    def _training_cpu(self, seconds: float, arithmetic: float) -> dict[str, Any]:
        if not self.training_cpu:
            return {}
        return {"training_cpu": {"seconds": seconds, "arithmetic_seconds": arithmetic}}

    def _ps_spans(self) -> list[dict[str, Any]]:
        if not self.spans:
            return []
        workers = [self._spans_of(number) for number in range(self.workers)]
        model = load_model(self.model)
        return [
            layout_record(model, Layout(model, self.rates, self.time)),
            *(server_record(list(records)) for records in zip(*workers, strict=True)),
        ]

    def _worker_spans(self, number: int) -> list[dict[str, Any]]:
        if not self.spans:
            return []
        spans = self._spans_of(number)
        iterations = [
            {
                "event": "iteration",
                "process": record["process"],
                "iteration": record["iteration"],
                "started_ns": record["origin_ns"],
                "backward_done_ns": record["origin_ns"] + sum(record["backward"][-2:]),
            }
            for record in spans
        ]
        return [*iterations, *spans]

    def _spans_of(self, worker: int) -> list[dict[str, Any]]:
        model = load_model(self.model)
        layout = Layout(model, self.rates, self.time)
        return [
            spans_records(model, layout, worker, number, times)
            for number, times in enumerate(pairwise(self.releases()))
        ]


def write_run(
    directory: Path,
    trials: Sequence[FakeTrial],
    published: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
    *,
    topology: bool = False,
) -> Path:
    """Write a run directory with these trials, numbered in order; returns it.

    With `topology`, run.json has the published topology and its devices as a real run kept them;
    without, nobody knows the bounds.
    """
    models = list(dict.fromkeys(trial.model for trial in trials))
    schedules = list(dict.fromkeys(trial.schedule for trial in trials))
    directory.mkdir(parents=True, exist_ok=True)
    experiment = {
        "name": "published",
        "models": models,
        "schedules": schedules,
        "repeats": 1 + max((trial.repeat for trial in trials), default=0),
        "published": published or {},
    }
    if topology:
        kept = json.loads(REFERENCE.read_text())["experiment"]
        experiment |= {key: kept[key] for key in ("topology", "devices")}
    run = {
        "experiment": experiment,
        "digest": "0123456789ab",
        "started": "2024-01-01T00:00:00+00:00",
        "versions": {"dmlbed": "0.1.0", "python": "3.11.2"},
        "switch": {"kind": "linux-bridge", "why": "as asked"},
        "machine": {},
    }
    _dump(directory / "run.json", run)
    index = -1
    for trial in trials:
        index += trial.attempt == 1  # a later attempt is of the same trial
        trial.index = index
        trial.write(directory)
    return directory


PUBLISHED: dict[str, dict[str, list[float]]] = {
    "alexnet": {"none": [0.24], "switch-priority": [0.34]},
    "googlenet": {
        "none": [2.06, 2.11, 2.14, 2.22, 2.15],
        "switch-priority": [2.66, 2.84, 2.78, 2.87, 2.84],
    },
    "inception3": {
        "none": [0.63, 0.62, 0.62, 0.64, 0.63],
        "switch-priority": [0.79, 0.78, 0.79, 0.83, 0.75],
    },
    "resnet50": {
        "none": [0.6, 0.6, 0.59, 0.6, 0.58],
        "switch-priority": [0.78, 0.78, 0.76, 0.76, 0.77],
    },
    "mobilenet": {
        "none": [2.31, 2.3, 2.3, 2.33, 2.34],
        "switch-priority": [2.31, 2.36, 2.34, 2.36, 2.36],
    },
}
MODELS = (*PUBLISHED, "mobilenet_v1", "vgg19", "resnet152", "squeezenet")


def matrix(models: int, schedules: Sequence[str], repeats: int) -> list[FakeTrial]:
    """Trials of the first models under some schedules, interleaved, with a little spread."""
    trials = []
    for number, model in enumerate(MODELS[:models]):
        published = PUBLISHED.get(
            model, {"none": [0.3 * number], "switch-priority": [0.4 * number]}
        )
        for repeat in range(repeats):
            for schedule in schedules:
                runs = published.get(schedule, published["switch-priority"])
                rate = sum(runs) / len(runs) * (0.97 + 0.012 * ((repeat * 2 + number) % 3))
                trials.append(FakeTrial(model, schedule, repeat, imgs_per_sec=rate))
    return trials


def _dump(path: Path, value: object) -> None:
    path.write_text(json.dumps(value))


def _dump_lines(path: Path, values: Sequence[object]) -> None:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
