"""An experiment to plan and to pretend to run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from orchestrator.session.plan.slow_links import Look, goodput_look
from orchestrator.session.plan.trials import Trial
from orchestrator.spec import Choices, Experiment, load_experiment

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


def look_of(made: Experiment) -> Look:
    """How long the goodput of its network is looked at."""
    return goodput_look(made.exchange, made.socket_buffers, made.scale)


def experiment_of_failing_order(folder: Path) -> Experiment:
    """One model under `none` and under an order that fails in the second repeat only."""
    folder.joinpath("failing.py").write_text(
        "from orchestrator.orders import Order\n"
        "class Failing(Order):\n"
        "    def pushes(self, setting, worker):\n"
        "        if setting.repeat == 1:\n"
        "            raise LookupError('nothing is known of it')\n"
        "        return super().pushes(setting, worker)\n"
    )
    file = write_experiment(folder, models="squeezenet")
    own = "{order: 'failing:Failing', place: host, synchronisation: per-tensor}"
    text = file.read_text().replace("switch-priority", "own")
    file.write_text(f"{text}custom_schedules:\n  own: {own}\n")
    return load_experiment(file)


FAILED_ORDER = (
    "order 'failing:Failing', squeezenet: pushes() raised LookupError: nothing is known of it "
    "(failing.py, line 5)"
)


def iteration(number: int, started: float, ended: float) -> dict[str, Any]:
    """What a worker tells after an iteration; times in seconds."""
    return {
        "event": "iteration",
        "iteration": number,
        "started_ns": round(started * 1e9),
        "ended_ns": round(ended * 1e9),
    }


TRIAL = Trial(3, Choices(model="googlenet", schedule="switch-priority"), 1)
