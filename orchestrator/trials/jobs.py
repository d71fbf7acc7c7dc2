"""The job that each process of a trial gets (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from orchestrator.bounds import is_shared, phase_seconds
from orchestrator.orders import Setting, computation, ranks_of, setting_of
from orchestrator.spec import Experiment, Flow, flow_dscp
from orchestrator.trials.plan import Trial, iteration_seconds
from workloads.models.profiles import load_model
from workloads.schedule.units import Layout

PORT = 5000
# A process that says nothing for three iterations, as planned, and this long is taken for dead.
SILENCE_MARGIN_SECONDS = 20.0


def silence_seconds(experiment: Experiment, model: str) -> float:
    """How long a process of a trial may say nothing, in seconds on the clock."""
    return 3 * iteration_seconds(experiment, model) + SILENCE_MARGIN_SECONDS


def order_setting(experiment: Experiment, trial: Trial) -> Setting:
    """What the order of a trial's schedule is made for."""
    topology, scale, batch = experiment.topology, experiment.scale, experiment.batch
    model, schedule = load_model(trial.model), experiment.schedule(trial.schedule)
    devices = [experiment.devices[worker.device] for worker in topology.workers if worker.device]
    return setting_of(
        model,
        Layout(model, scale.rates, scale.time, schedule.slice_bytes),
        stretch=scale.rates / scale.time,
        workers=[computation(model, device, batch) for device in devices],
        # A model of 1 GB, so that rounding does not matter.
        seconds_per_byte=phase_seconds(topology, 10**9, "pull") / 1e9,
        shared=is_shared(topology, "pull"),
        barrier=schedule.barrier,
        seed=experiment.seed,
        repeat=trial.repeat - 1,  # orders count from 0
    )


def build_jobs(
    experiment: Experiment, trial: Trial, addresses: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """One job per host, the parameter server's first.

    Args:
        addresses: every host's address on the data network.

    Raises:
        RunError: the schedule's order fails in this trial's setting, or answers nonsense; or it is
            one that is not ours, and cannot be had any more.
    """
    topology = experiment.topology
    scale = experiment.scale
    schedule, order = experiment.schedule(trial.schedule), experiment.order(trial.schedule)
    setting = order_setting(experiment, trial)
    ranks = ranks_of(order, schedule, setting, experiment.all_iterations)
    common = {
        "workers": [worker.name for worker in topology.workers],
        "model": trial.model,
        "schedule": asdict(schedule),
        "scale": {"rates": scale.rates, "time": scale.time},
        "batch": experiment.batch,
        "iterations": experiment.iterations,
        "warm_up": experiment.warm_up,
        "cool_down": experiment.cool_down,
        "seed": experiment.seed,
        "repeat": trial.repeat - 1,
        "address": addresses[topology.ps.name],
        "port": PORT,
        "receive_buffer_bytes": scale.receive_buffer_bytes(experiment.receive_buffer_bytes),
        "flow_dscp": list(flow_dscp(schedule)),
        "congestion_control": experiment.congestion_control,
        "learning_rate": experiment.learning_rate,
        "silence_seconds": silence_seconds(experiment, trial.model),
        "turns": ranks.turns,
    }
    jobs: dict[str, dict[str, Any]] = {
        topology.ps.name: {
            "role": "ps",
            "name": topology.ps.name,
            "one_queue": ranks.one_queue,
            "answer_ranks": [list(row) for row in ranks.answers],
            "send_buffer_bytes": [
                experiment.emulated_send_bytes(Flow(worker.name, "pull"), scale)
                for worker in topology.workers
            ],
            **common,
        }
    }
    for number, worker in enumerate(topology.workers):
        if worker.device is None:
            raise ValueError(f"worker {worker.name} has no device model")
        jobs[worker.name] = {
            "role": "worker",
            "name": worker.name,
            "worker": number,
            "bind": addresses[worker.name],
            "device": asdict(experiment.devices[worker.device]),
            "send_buffer_bytes": experiment.emulated_send_bytes(Flow(worker.name, "push"), scale),
            "push_ranks": list(ranks.pushes[number]),
            "pulls": [list(pull) for pull in ranks.pulls[number]],
            **common,
        }
    return jobs
