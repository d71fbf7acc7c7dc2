"""The job that each process of a trial gets (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from orchestrator.bounds import phase_seconds
from orchestrator.spec import Experiment
from orchestrator.trials.plan import Trial, iteration_seconds
from workloads.models import load_model

PORT = 5000
# A process that says nothing for three iterations, as planned, and this long is taken for dead.
SILENCE_MARGIN_SECONDS = 20.0


def silence_seconds(experiment: Experiment, model: str) -> float:
    """How long a process of a trial may say nothing, in seconds on the clock."""
    return 3 * iteration_seconds(experiment, model) + SILENCE_MARGIN_SECONDS


def build_jobs(
    experiment: Experiment, trial: Trial, addresses: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """One job per host, the parameter server's first.

    Args:
        addresses: every host's address on the data network.
    """
    topology = experiment.topology
    scale = experiment.scale
    common = {
        "workers": [worker.name for worker in topology.workers],
        "model": trial.model,
        "schedule": asdict(experiment.schedule(trial.schedule)),
        "scale": {"rates": scale.rates, "time": scale.time},
        "batch": experiment.batch,
        "iterations": experiment.iterations,
        "warm_up": experiment.warm_up,
        "seed": experiment.seed,
        "repeat": trial.repeat,
        "address": addresses[topology.ps.name],
        "port": PORT,
        "send_buffer_bytes": scale.send_buffer_bytes(experiment.send_buffer_bytes),
        "receive_buffer_bytes": scale.receive_buffer_bytes(experiment.receive_buffer_bytes),
        "congestion_control": experiment.congestion_control,
        "learning_rate": experiment.learning_rate,
        "silence_seconds": silence_seconds(experiment, trial.model),
    }
    jobs: dict[str, dict[str, Any]] = {
        topology.ps.name: {"role": "ps", "name": topology.ps.name, **common}
    }
    model = load_model(trial.model)
    slowest = max(
        experiment.devices.values(),
        key=lambda device: sum(
            device.backward_seconds(layer, experiment.batch) for layer in model.layers
        ),
    )
    for number, worker in enumerate(topology.workers):
        if worker.device is None:
            raise ValueError(f"worker {worker.name} has no device model")
        jobs[worker.name] = {
            "role": "worker",
            "name": worker.name,
            "worker": number,
            "bind": addresses[worker.name],
            # A model of 1 GB, so that rounding does not matter.
            "seconds_per_byte": phase_seconds(topology, 10**9, "pull") / 1e9,
            "planned_device": asdict(slowest),
            "device": asdict(experiment.devices[worker.device]),
            **common,
        }
    return jobs
