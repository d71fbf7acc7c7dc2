"""Every topology and experiment of the project is valid and can be planned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.plan.verb import describe
from orchestrator.emulation.limits.caps import MachineCapacity, host_caps
from orchestrator.emulation.network.port_classes import port_shapes
from orchestrator.emulation.switches.choice import SwitchChoice
from orchestrator.spec import OVS_USER, Experiment, Scale, Topology, load_any, ports
from orchestrator.spec.experiment.jobs import trials_alone
from tests.unit.placed import exchange_of
from workloads.schedule.library import SCHEDULES

ROOT = Path(__file__).parents[2]
TOPOLOGIES = sorted(path.name for path in (ROOT / "topologies").iterdir() if path.suffix != ".json")
EXPERIMENTS = sorted(
    str(path.relative_to(ROOT / "experiments")) for path in (ROOT / "experiments").rglob("*.yaml")
)


def test_there_are_some() -> None:
    assert {"ps-10g-1g-3workers.yaml", "star.yaml", "two-rack-tree.yaml"} <= set(TOPOLOGIES)
    assert {"published.yaml", "smoke.yaml"} <= set(EXPERIMENTS)


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_topology(name: str) -> None:
    topology = load_any(ROOT / "topologies" / name)
    assert isinstance(topology, Topology)
    assert topology.name == Path(name).stem
    for schedule in SCHEDULES:
        shapes = port_shapes(exchange_of(topology).demands, Scale(), schedule)
        assert len(shapes) == len(ports(topology))
        assert all(shape.commands() for shape in shapes)


def planned_on(experiment: Experiment) -> dict[str, Any]:
    scaled = experiment.with_scale(experiment.asked_scale.at(1))
    capacity = MachineCapacity((0, 1), 64 * 2**30)
    switch = SwitchChoice(OVS_USER, "")
    return describe(scaled, switch, host_caps(scaled.topology, scaled.scale, capacity), capacity)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiment(name: str) -> None:
    experiment = load_any(ROOT / "experiments" / name)
    assert isinstance(experiment, Experiment)
    assert experiment.name == Path(name).stem
    planned = planned_on(experiment)
    alone = sum(map(len, trials_alone(experiment.jobs.values(), experiment.schedules)))
    company = max(1, len(experiment.company))
    trained = len(experiment.models) * len(experiment.schedules) * company
    others = len(experiment.programs) + alone
    assert len(planned["trials"]) == (trained + others) * experiment.repeats
    assert all(trial["seconds"] > 0 for trial in planned["trials"])


def test_the_first_look_fits_into_a_minute() -> None:
    smoke = load_any(ROOT / "experiments/smoke.yaml")
    assert isinstance(smoke, Experiment)
    assert planned_on(smoke)["seconds"] < 60


def test_the_published_experiment_is_that_of_the_publication() -> None:
    published = load_any(ROOT / "experiments/published.yaml")
    assert isinstance(published, Experiment)
    assert published.models == ("alexnet", "googlenet", "inception3", "resnet50", "mobilenet")
    assert published.schedules == ("none", "switch-priority")
    assert (published.warm_up, published.repeats) == (1, 3)
    assert tuple(published.published) == published.models
    assert all(set(row) == set(published.schedules) for row in published.published.values())
