"""An experiment as JSON and back: nothing of it is lost, and nobody has to read its files again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.spec import (
    AutoScale,
    Direction,
    Experiment,
    Overrides,
    Scale,
    SocketBuffers,
    Sweep,
    Topology,
    Variable,
    load_experiment,
)
from workloads.models.devices import DeviceModel
from workloads.schedule.schedule import Schedule

ROOT = Path(__file__).parents[4]
GOOD = ROOT / "tests/golden/good"
EXPERIMENTS = sorted(
    path
    for path in [*ROOT.glob("experiments/*.yaml"), *GOOD.glob("*.yaml")]
    if "models:" in path.read_text()
)


def again(experiment: Experiment) -> Experiment:
    """What another process, and a run's directory, make of an experiment."""
    text = json.dumps(experiment.to_json(), sort_keys=True)
    resolved_again = Experiment.from_resolved(json.loads(text))
    # 4 and 4.0 are equal, and have two digests.
    assert json.dumps(resolved_again.to_json(), sort_keys=True) == text
    return resolved_again


@pytest.mark.parametrize("file", EXPERIMENTS, ids=lambda path: path.name)
def test_every_experiment_of_ours(file: Path) -> None:
    experiment = load_experiment(file)
    assert again(experiment) == experiment
    for point in experiment.points():
        assert again(point.experiment) == point.experiment


OWN = load_experiment(ROOT / "experiments/own-order.yaml")
positive = st.floats(1e-6, 1e6)
texts = st.text(max_size=20)
sizes = st.none() | st.integers(2**14, 2**24)
directions = st.builds(
    Direction, st.integers(9600, 4 * 10**11), st.integers(0, 6 * 10**7), st.integers(2**14, 2**30)
)
scales = st.builds(Scale, st.floats(1, 1e6), st.floats(0.001, 1000))
several = st.lists(st.integers(1, 9) | st.floats(0.1, 1) | texts, min_size=1).map(tuple)
variables = st.one_of(
    st.builds(Variable, st.sampled_from(["batch", "workers", "send_buffer"]), several),
    st.builds(Variable, st.sampled_from(["rate", "delay"]), several, st.just(("a", "b"))),
    st.builds(Variable, texts, several, schedules=st.lists(texts, min_size=1).map(tuple)),
)
sweeps = st.builds(Sweep, st.lists(variables, min_size=1, max_size=2).map(tuple))
schedules = st.one_of(
    st.builds(
        Schedule,
        name=texts,
        source=texts,
        order=texts,
        slice_bytes=st.integers(1, 2**30),
        window_bytes=st.none() | st.integers(1, 2**30),
        synchronisation=st.just("per-slice"),
    ),
    st.builds(
        Schedule,
        name=texts,
        source=texts,
        place=st.just("both"),
        synchronisation=st.just("stale-synchronous"),
        staleness=st.integers(0, 9),
        switch_order=st.just("layer"),
        flows=st.integers(2, 8),
    ),
)


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    hosts = tuple(
        replace(
            host,
            cores=draw(st.none() | st.integers(1, 64) | st.floats(0.01, 64)),
            memory_bytes=draw(st.none() | st.integers(2**20, 2**40)),
            cpuset=draw(st.lists(st.integers(0, 99), max_size=3).map(tuple)),
        )
        for host in OWN.topology.hosts
    )
    links = tuple(
        replace(link, forward=draw(directions), reverse=draw(directions))
        for link in OWN.topology.links
    )
    return replace(OWN.topology, description=draw(texts), hosts=hosts, links=links)


experiments = st.builds(
    replace,
    st.just(OWN),
    name=texts,
    description=texts,
    source=st.lists(st.sampled_from(["a", "\u00fc b", ".."])).map(lambda parts: Path(*parts)),
    topology=topologies(),
    models=st.lists(texts).map(tuple),
    schedules=st.lists(texts).map(tuple),
    iterations=st.integers(1, 99),
    warm_up=st.integers(0, 9),
    cool_down=st.integers(0, 9),
    repeats=st.integers(1, 9),
    retries=st.integers(0, 9),
    batch=st.integers(1, 99),
    seed=st.integers(0, 2**32 - 1),
    asked_scale=scales | st.builds(AutoScale, st.floats(0.001, 1000)),
    switch=texts,
    congestion_control=texts,
    socket_buffers=st.builds(SocketBuffers, sizes, sizes),
    learning_rate=positive,
    devices=st.dictionaries(
        texts, st.builds(DeviceModel, texts, positive, positive, positive), max_size=3
    ),
    published=st.dictionaries(
        texts, st.dictionaries(texts, st.lists(positive).map(tuple), max_size=2), max_size=2
    ),
    added=texts,
    custom_schedules=st.dictionaries(texts, schedules, max_size=3),
    own_orders=st.sampled_from([OWN.own_orders, {}]),
    sweep=st.none() | sweeps,
    baseline=texts,
)
"""Experiments with every key drawn."""


@given(experiments)
@settings(deadline=None)
def test_every_experiment_there_can_be(experiment: Experiment) -> None:
    assert again(experiment) == experiment


def test_an_order_of_ones_own_travels() -> None:
    experiment = load_experiment(ROOT / "experiments/own-order.yaml", Overrides(scale="1,1"))
    (name,) = experiment.own_orders
    resolved_again = again(experiment)
    text = (ROOT / "experiments/own_order.py").read_text()
    assert resolved_again.own_orders[name].files == {"own_order.py": text}
    assert resolved_again.digest() == experiment.digest()
