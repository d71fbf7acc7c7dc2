"""Jobs beside the measured one: read, resolved, and what they demand of the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.errors import InputError
from orchestrator.spec import Experiment, Overrides, load_experiment

ROOT = Path(__file__).parents[4]
TRAFFIC = {"from": "ps", "to": "worker0", "rate": "300 Mbps", "pattern": "poisson"}
OTHER = {
    "model": "resnet50",
    "schedule": "none",
    "placement": {"servers": ["ps"], "workers": ["worker1", "worker2"]},
}


def written(folder: Path, jobs: Any, **more: Any) -> Path:
    file = {
        "name": "own",
        "topology": str(ROOT / "topologies/ps-10g-1g-3workers.yaml"),
        "models": ["alexnet"],
        "schedules": ["none", "switch-priority"],
        "repeats": 2,
        "jobs": jobs,
        **more,
    }
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(file, sort_keys=False))
    return path


def loaded(folder: Path, jobs: Any, **more: Any) -> Experiment:
    return load_experiment(written(folder, jobs, **more))


def test_traffic_and_a_training_beside(tmp_path: Path) -> None:
    sizes = {"pareto": "1 MB", "shape": 2.0}
    made = loaded(tmp_path, {"noise": {"traffic": {**TRAFFIC, "sizes": sizes}}, "other": OTHER})
    noise, other = made.jobs.values()
    assert (noise.number, noise.port, other.port) == (1, 5001, 5002)
    assert noise.traffic is not None
    assert noise.traffic.pattern.rate_bps == 300e6
    assert (noise.traffic.pattern.sizes.kind, noise.traffic.pattern.sizes.values) == (
        "pareto",
        (1e6,),
    )
    assert other.training is not None
    assert (other.training.schedule, other.training.batch) == ("none", made.batch)
    assert made.company == ()  # nothing is measured without them
    assert made.trials == 4
    assert Experiment.from_resolved(made.to_json()) == made


def test_jobs_measured_alone_add_trials(tmp_path: Path) -> None:
    noise, other = {"traffic": TRAFFIC, "alone": True}, {**OTHER, "alone": True}
    made = loaded(tmp_path, {"noise": noise, "other": other})
    assert [str(choices) for group in made.groups() for choices in group] == [
        "alexnet none alone",
        "alexnet switch-priority alone",
        "alexnet none beside jobs",
        "alexnet switch-priority beside jobs",
        "resnet50 none alone (other)",
    ]
    assert made.trials == 10
    own = made.of_job("other")
    assert (own.models, own.placement.workers, own.jobs) == (
        ("resnet50",),
        ("worker1", "worker2"),
        {},
    )


def test_a_training_beside_may_have_the_measured_jobs_schedule(tmp_path: Path) -> None:
    other = {"model": "alexnet", "placement": OTHER["placement"], "alone": True}
    made = loaded(tmp_path, {"other": other}, schedules=["none", "p3"])
    assert [str(one) for one in made.groups()[-1]] == [
        "alexnet none alone (other)",
        "alexnet p3 alone (other)",
    ]
    assert made.of_job("other", "p3").schedules == ("p3",)
    assert made.of_job("other").schedules == ("none",)


def test_an_experiment_without_jobs_is_what_it_was(tmp_path: Path) -> None:
    made = loaded(tmp_path, {})
    assert not {"jobs", "company", "beside", "job"} & set(made.resolved())
    assert made.networks == (made.exchange.demands,)


def test_only_the_measured_jobs_demands_have_classes(tmp_path: Path) -> None:
    made = loaded(tmp_path, {"noise": {"traffic": TRAFFIC}, "other": OTHER})
    together = made.demands_together("switch-priority", "alexnet")
    assert together.classes == ("worker0", "worker1", "worker2")
    assert {one.port: one.traffic_class != "" for one in together} == {
        5000: True,
        5001: False,
        5002: False,
    }
    assert [one.port for one in together.between("ps", "worker1")] == [5000, 5002]
    assert together in made.networks


@pytest.mark.parametrize(
    ("jobs", "more", "message"),
    [
        ({"a": {}}, {}, "missing key 'model'"),
        ({"a": {"traffic": {**TRAFFIC, "to": "worker9"}}}, {}, "'worker9' is no host"),
        ({"a": {"traffic": {**TRAFFIC, "to": "switch1"}}}, {}, "'switch1' is a switch"),
        ({"a": {"traffic": {**TRAFFIC, "to": "ps"}}}, {}, "from 'ps' to itself"),
        ({"a": {"traffic": TRAFFIC, "model": "alexnet"}}, {}, "traffic has no 'model'"),
        (
            {"a": {"traffic": {**TRAFFIC, "sizes": {"constant": "1 KB", "list": ["1 KB"]}}}},
            {},
            "both 'constant' and 'list'",
        ),
        (
            {"a": {"traffic": {**TRAFFIC, "sizes": {"constant": "1 KB", "shape": 2.0}}}},
            {},
            "'shape' is of 'pareto' only",
        ),
        ({"a": {"traffic": {**TRAFFIC, "on": 3}}}, {}, "'on' is of the pattern 'on-off' only"),
        ({"a": {**OTHER, "schedule": "switch-priority"}}, {}, "acts at switches"),
        ({"a": {**OTHER, "schedule": "geryon"}}, {}, "acts at switches"),
        (
            {"a": {"model": "alexnet", "placement": OTHER["placement"]}},
            {},
            "'switch-priority', as the measured job's, acts at switches",
        ),
        ({"a": {**OTHER, "schedule": "p4"}}, {}, "unknown schedule 'p4'"),
        (
            {"a": {**OTHER, "placement": {"servers": ["ps"], "workers": ["ps"]}}},
            {},
            "'ps' is listed twice",
        ),
        (
            {"a": {**OTHER, "placement": {"workers": ["worker0", "worker1"]}}},
            {},
            "a training beside the measured one has a parameter server, and none is placed",
        ),
        ({"a": {"traffic": TRAFFIC}}, {"sweep": {"batch": [1, 2]}}, "a sweep has no jobs"),
    ],
)
def test_what_cannot_be(tmp_path: Path, jobs: Any, more: Any, message: str) -> None:
    with pytest.raises(InputError) as error:
        loaded(tmp_path, jobs, **more)
    assert message in "\n".join(map(str, error.value.problems))


def test_a_program_that_a_job_names_stays_when_others_are_asked_for(tmp_path: Path) -> None:
    one = {"command": ["true"], "hosts": ["worker0"], "throughput": {"json": "rate"}}
    programs = {"measured": one, "beside": one, "left": one}
    file = written(
        tmp_path, {"load": {"program": "beside"}}, programs=programs, scale={"rates": 8, "time": 8}
    )
    made = load_experiment(file, Overrides(programs=("measured",)))
    assert list(made.programs) == ["measured", "beside"]
    assert made.jobs["load"].program == "beside"
    assert {choices.program for group in made.groups() for choices in group} == {"", "measured"}
