"""Synthetic records of a run: what the trials of an experiment would have left behind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from orchestrator.analysis import RUN_FORMAT
from orchestrator.spec import EVERY_CHOICE, load_experiment
from tests.unit.analysis.fake_trial import FakeTrial, dump

_REFERENCE = Path(__file__).parents[3] / "experiments/published.yaml"


def write_run(
    directory: Path,
    trials: Sequence[FakeTrial],
    published: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
    *,
    topology: bool = False,
    baseline: str | None = None,
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
    for name in dict.fromkeys(name for trial in trials for name in trial.chosen):
        values = (trial.chosen[name] for trial in trials if name in trial.chosen)
        experiment[EVERY_CHOICE[name]] = list(dict.fromkeys(values))
    if jobs := {one.job.name: one.job.resolved() for t in trials for one, _ in t.beside}:
        experiment["jobs"] = jobs
    if baseline:
        experiment["baseline"] = baseline
    if topology:
        experiment |= {key: reference()[key] for key in ("topology", "placement", "devices")}
    run = {
        "format": RUN_FORMAT,
        "experiment": experiment,
        "digest": "0123456789ab",
        "started": "2024-01-01T00:00:00+00:00",
        "versions": {"dmlbed": "0.1.0", "python": "3.11.2"},
        "switch": {"kind": "linux-bridge", "why": "as asked"},
        "machine": {},
    }
    dump(directory / "run.json", run)
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


def reference() -> dict[str, Any]:
    """The published experiment, as run.json has it."""
    experiment: dict[str, Any] = json.loads(_reference())
    return experiment


@cache
def _reference() -> str:
    return json.dumps(load_experiment(_REFERENCE).resolved())
