"""Any way to exchange gradients ends, whatever goes with it: choices drawn at random.

Those of one parameter server alone are drawn in test_schedules.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from orchestrator.orders import ORDERS, incompatibility
from orchestrator.spec.files.user_code.exchanges import ignored_by_ours
from tests.unit.workloads.exchange.test_hybrid import ITERATIONS, RATE, by_hand
from tests.unit.workloads.exchange.test_ring import added_by_hand
from tests.unit.workloads.exchanges import digests_together
from tests.unit.workloads.in_process import model_of, train
from tests.unit.workloads.programs.test_schedules import CODECS, MODELS, WHOLE
from workloads.library import HYBRID, IDENTITY, PARAMETER_SERVER, RING, SPLIT
from workloads.models.profiles import Model
from workloads.schedule.schedule import Schedule
from workloads.schedule.units import Layout

Layers = list[list[int | tuple[int, int]]]


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Any combination that is none of one parameter server's, every step.

    Most of what is none at all is not drawn: that costs more than a training.
    """
    exchange = draw(st.sampled_from((PARAMETER_SERVER, RING, RING, SPLIT, HYBRID)))
    averaging = draw(st.sampled_from(("every-step", "every-step", "local", "elastic")))
    bucket = draw(st.none() | st.integers(1, 20_000)) if exchange == RING else None
    own = ("per-tensor", *(() if bucket else ("per-slice",)))
    synchronisation = draw(st.sampled_from(own if exchange == SPLIT else ("step-barrier", *own)))
    sliced = synchronisation == "per-slice" or (
        synchronisation == "step-barrier" and not bucket and draw(st.booleans())
    )
    choices: dict[str, Any] = {
        "exchange": exchange,
        "place": "nowhere" if bucket else draw(st.sampled_from(("host", "nowhere"))),
        "synchronisation": synchronisation,
        "slice_bytes": 4 * draw(st.integers(100, 5000)) if sliced else None,
        "bucket_bytes": bucket,
        "averaging": averaging,
        "push_codec": draw(st.sampled_from(CODECS if sliced else (*CODECS, *WHOLE))),
        "pull_codec": draw(st.sampled_from([one for one in CODECS if "top-k" not in one])),
    }
    if exchange == HYBRID:
        choices["groups"] = draw(st.integers(1, 2))
    if averaging != "every-step":
        choices["every"] = draw(st.integers(1, 3))
    if averaging == "elastic":
        choices |= {"alpha": draw(st.floats(0.1, 0.4)), "beta": draw(st.floats(0.1, 0.9))}
    if averaging == "local" and draw(st.booleans()):
        choices |= {"outer_learning_rate": 0.7, "outer_momentum": 0.9}
    try:
        made = Schedule(name="drawn", source="a test", **choices)
    except ValueError:
        assume(False)
    if ignored_by_ours(made):
        made = replace(made, push_codec=IDENTITY, pull_codec=IDENTITY)
    assume(not ignored_by_ours(made))
    return replace(made, order=draw(st.sampled_from([*orders_of(made)])))


def orders_of(schedule: Schedule) -> Iterator[str]:
    """Those that go with its other choices."""
    for name, order in ORDERS.items():
        with suppress(ValueError):
            replace(schedule, order=name)
            if not incompatibility(schedule, order):
                yield name


def ended(schedule: Schedule, model: Model, workers: int) -> set[str]:
    """The digests of the parameters that a training ends with."""
    with tempfile.TemporaryDirectory() as folder:
        if schedule.exchange == RING:
            return digests_together(
                Path(folder), model, schedule, workers=workers, iterations=ITERATIONS, rate=RATE
            )
        names = [f"worker{number}" for number in range(workers)]
        size = schedule.groups if isinstance(schedule.groups, int) else workers
        records = train(
            Path(folder), model, schedule, workers=workers, iterations=ITERATIONS,
            learning_rate=RATE, shares={"server": 0.4, "ring": 0.6},
            groups=[names[at : at + size] for at in range(0, workers, size)],
        )  # fmt: skip
        return {records[-1]["parameters_sha256"]}


@settings(max_examples=200, suppress_health_check=list(HealthCheck), deadline=None)
@given(schedules(), MODELS, st.sampled_from((2, 4)))
def test_any_exchange_ends_as_it_did_before(
    schedule: Schedule, layers: Layers, workers: int
) -> None:
    model = model_of(layers)
    assume(len(Layout(model, 1, 1, schedule.slice_bytes).units) >= workers)
    first = ended(schedule, model, workers)
    assert len(first) == 1
    if schedule.every_step == schedule and not schedule.coded:
        if schedule.exchange == RING:
            made = added_by_hand(model, schedule, workers, ITERATIONS, RATE)
            assert first == {hashlib.sha256(made).hexdigest()}
        if schedule.exchange == HYBRID:
            size = schedule.groups
            assert isinstance(size, int)
            groups = np.arange(workers).reshape(-1, size).tolist()
            made = by_hand(model, schedule.slice_bytes, groups)
            assert first == {hashlib.sha256(made).hexdigest()}
    elif schedule.exchange in (RING, HYBRID):
        assert ended(schedule, model, workers) == first
