"""Directories of sweeps: points as a real sweep leaves them, of synthetic trials."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from orchestrator.analysis import RUN_FORMAT
from orchestrator.predict import lower_bound
from orchestrator.spec import Experiment, Point, Sweep, Variable, load_experiment
from tests.unit.analysis.builder import write_run
from tests.unit.analysis.fake_trial import FakeTrial
from workloads.models.profiles import load_model

ROOT = Path(__file__).parents[3]

BATCHES = Sweep((Variable("batch", (1, 9, 32)),))
RATES = Sweep((Variable("rate", (10**8, 10**9, 10**10), ("switch0", "switch1")),))
WORKERS = Sweep((Variable("workers", (1, 3, 5)),))


@cache
def _published() -> Experiment:
    return load_experiment(ROOT / "experiments/published.yaml")


def swept(sweep: Sweep, models: Sequence[str], schedules: Sequence[str]) -> Experiment:
    """The published experiment with a sweep."""
    return replace(
        _published(),
        name="swept",
        models=tuple(models),
        schedules=tuple(schedules),
        repeats=1,
        published={},
        sweep=sweep,
    )


def write_sweep(
    directory: Path, experiment: Experiment, trials: Mapping[Any, Sequence[FakeTrial]]
) -> Path:
    """Write a sweep's directory with the trials of some points, by value, or values; returns it."""
    directory.mkdir(parents=True)
    record = {
        "format": RUN_FORMAT,
        "experiment": experiment.resolved(),
        "versions": {"dmlbed": "0.1.0"},
        "switch": {"kind": "linux-bridge", "why": "as asked"},
    }
    (directory / "run.json").write_text(json.dumps(record))
    for point in experiment.points():
        key = of_point(point)
        if key not in trials:
            continue
        place = write_run(directory / point.label, trials[key])
        run = json.loads((place / "run.json").read_text())
        run["experiment"] |= {
            key: point.experiment.resolved()[key] for key in ("topology", "placement", "devices")
        }
        (place / "run.json").write_text(json.dumps(run))
    return directory


def fake_trials(
    experiment: Experiment, shares: Mapping[str, float], *, repeats: int = 1
) -> dict[Any, list[FakeTrial]]:
    """For every point a trial of every model and schedule; repeats differ by 2 %.

    Args:
        shares: of the bound, by schedule.
    """
    made: dict[Any, list[FakeTrial]] = {}
    for point in experiment.points():
        own = point.experiment
        bounds = {model: _bound(own, model) for model in own.models}
        made[of_point(point)] = [
            FakeTrial(
                model,
                schedule,
                repeat,
                imgs_per_sec=shares[schedule] * bounds[model] * (1 + 0.02 * repeat),
                workers=len(own.placement.workers),
                batch=own.batch,
            )
            for model in own.models
            for repeat in range(repeats)
            for schedule in own.schedules
        ]
    return made


def of_point(point: Point) -> Any:
    """The value of a point; of a grid its values."""
    return point.values[0] if len(point.values) == 1 else point.values


def _bound(experiment: Experiment, model: str) -> float:
    """Imgs/sec that no schedule is above."""
    bound = lower_bound(
        experiment.exchange, load_model(model), experiment.devices, experiment.batch
    )
    return bound.imgs_per_sec(bound.seconds)
