"""An experiment to plan and to pretend to run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from orchestrator.spec import Experiment, load_experiment
from orchestrator.trials.plan import Trial

ROOT = Path(__file__).parents[3]
TOPOLOGY = ROOT / "topologies/ps-10g-1g-3workers.yaml"


def write_experiment(
    folder: Path,
    *,
    models: str = "googlenet, squeezenet",
    repeats: int = 2,
    scale: str = "{rates: 1, time: 0.5}",
) -> Path:
    """An experiment file on the published topology: 2 models x 2 schedules x 2 repeats."""
    file = folder / "tiny.yaml"
    file.write_text(
        f"name: tiny\n"
        f"topology: {TOPOLOGY}\n"
        f"models: [{models}]\n"
        f"schedules: [none, switch-priority]\n"
        f"iterations: 2\n"
        f"warm_up: 1\n"
        f"cool_down: 1\n"
        f"repeats: {repeats}\n"
        f"scale: {scale}\n"
    )
    return file


def experiment(folder: Path, **changes: Any) -> Experiment:
    """The same, loaded."""
    return load_experiment(write_experiment(folder, **changes))


def iteration(number: int, released: float, next_release: float) -> dict[str, Any]:
    """What a parameter server tells after an iteration; times in seconds."""
    return {
        "event": "iteration",
        "iteration": number,
        "released_ns": round(released * 1e9),
        "next_release_ns": round(next_release * 1e9),
    }


TRIAL = Trial(3, "googlenet", "switch-priority", 1)
