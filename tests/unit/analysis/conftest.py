"""What all tests of the analysis have in common."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator import predict
from orchestrator.analysis.tables.sweep import rows
from orchestrator.predict import Prediction
from orchestrator.predict.case import Case
from workloads.schedule.schedule import Schedule


@pytest.fixture(scope="session", autouse=True)
def predictions_are_remembered() -> Iterator[None]:
    """Sweeps of these tests are at the same few points: what is expected there is computed once."""
    known: dict[tuple[str, str], Prediction] = {}

    def remembered(schedule: Schedule, case: Case) -> Prediction:
        key = (repr(schedule), repr(case))  # which have all that it depends on
        if key not in known:
            known[key] = predict.expected(schedule, case)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "expected", remembered)
        yield
