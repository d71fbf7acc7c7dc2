"""The bound of a program that trains a model: that of an all-reduce between its hosts.

What a program sends is not known. If it sums all gradients between its hosts, as
DistributedDataParallel does, it is not faster than `orchestrator.predict.allreduce_bound`. One that
sends less can be: compressed gradients, or hosts that help. So a program above it is no doubt.
What it computes is not known either, and counts for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from orchestrator.predict import Goodputs, allreduce_bound
from orchestrator.spec import Topology
from orchestrator.spec.experiment.programs import IMGS_PER_SEC
from workloads.models.profiles import load_model, model_names

_TOPOLOGY = TypeAdapter(Topology)
_HOSTS = TypeAdapter(tuple[str, ...])
_BATCH = TypeAdapter(int)


def program_imgs_per_sec(
    experiment: Mapping[str, Any], program: str, goodputs: Goodputs | None = None
) -> float | None:
    """The most imgs/sec of the real system, all processes together, by its network alone.

    Each process does the experiment's batch in an iteration.

    Args:
        experiment: the resolved experiment, as run.json holds it.
        program: its name.
        goodputs: measured payload of ports.

    Returns:
        None if it counts no images, names no model that is known, or runs on one host.
    """
    try:
        own = experiment["programs"][program]
        if own["model"] not in model_names() or own["throughput"]["unit"] != IMGS_PER_SEC:
            return None
        topology = _TOPOLOGY.validate_python({"description": "", **experiment["topology"]})
        processes = _HOSTS.validate_python(own["hosts"])
        batch = _BATCH.validate_python(experiment["batch"])
        size = load_model(own["model"]).bytes
        hosts = tuple(dict.fromkeys(processes))
        seconds = allreduce_bound(topology, hosts, size, goodputs).seconds
    except (KeyError, TypeError, ValueError, ValidationError):
        return None
    return len(processes) * batch / seconds if seconds else None
