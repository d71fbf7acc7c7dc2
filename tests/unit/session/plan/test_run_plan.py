"""The plan of a run as JSON and back: what crosses the box's wall is what was planned."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.emulation.switches.choice import SwitchChoice
from orchestrator.session.plan.run_plan import RunPlan
from orchestrator.spec import Scale
from tests.unit.spec.experiment.test_resolved import experiments, positive, texts

values = st.none() | st.booleans() | st.integers() | positive | texts
records = st.dictionaries(
    texts, values | st.lists(values, max_size=3) | st.dictionaries(texts, values, max_size=3)
)
plans = st.builds(
    RunPlan,
    # Only a sweep is planned before its R is known.
    experiment=experiments.filter(
        lambda one: one.sweep is not None or isinstance(one.asked_scale, Scale)
    ),
    switch=st.builds(SwitchChoice, texts, texts),
    directory=st.lists(st.sampled_from(["a", "\u00fc b", ".."])).map(lambda parts: Path(*parts)),
    started=texts,
    versions=st.dictionaries(texts, texts, max_size=3),
    machine=records,
    calibration=st.none() | records,
)


@given(plans)
@settings(deadline=None, max_examples=40)
def test_every_plan_comes_back_as_it_was(plan: RunPlan) -> None:
    again = RunPlan.from_json(plan.to_json())
    assert again == plan
    assert again.to_json() == plan.to_json()
    assert RunPlan.from_record(plan.record(), plan.directory) == plan
