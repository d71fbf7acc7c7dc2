"""Utilisation of the links over time, out of the spans of a trial."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.analysis.measures.utilisation import BIN_NS, Full, utilisation
from orchestrator.analysis.reading.records import read_run
from orchestrator.analysis.reading.spans import TrialSpans, read_spans
from orchestrator.records.directory import TrialDirectory
from orchestrator.spec import WAYS, Way
from tests.unit.analysis.fake_trial import SECOND
from tests.unit.analysis.traced import Limits, rewritten, traced


@pytest.fixture(scope="module")
def alexnet(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrialSpans, Limits]:
    return traced(tmp_path_factory.mktemp("alexnet"))


@pytest.mark.parametrize("way", WAYS)
def test_utilisation_counts_what_arrived(alexnet: tuple[TrialSpans, Limits], way: Way) -> None:
    spans, limits = alexnet
    moments = spans.iterations
    begin, end = moments[3].released_ns, moments[3].next_release_ns
    values = utilisation(spans, way, limits[way], begin, end)
    bits = values.sum() / 100 * limits[way].bits_per_sec * BIN_NS / SECOND
    size = sum(piece.bytes for piece in spans.slices)
    assert bits == pytest.approx(3 * size * 8)
    # What is outside of the window is not counted.
    half = utilisation(spans, way, limits[way], begin, begin + (end - begin) // 20 * 10)
    assert np.allclose(half[:-1], values[: len(half) - 1])


def test_a_long_slice_is_spread_over_its_time(tmp_path: Path) -> None:
    place = rewritten(
        tmp_path, "worker0", lambda record: record.update(received=[0, 0, 10 * BIN_NS])
    )
    run = read_run(tmp_path)
    spans = read_spans(TrialDirectory(place), run.trainings[0])
    others = utilisation_of_first(spans, without=())
    one = utilisation_of_first(spans, without=("worker1", "worker2"))
    assert np.ptp(one[1:9]) < 1e-9
    assert one[1] > 0
    assert others[1] > one[1]


def utilisation_of_first(spans: TrialSpans, without: tuple[str, ...]) -> np.ndarray[Any, Any]:
    workers = tuple(worker for worker in spans.workers if worker.name not in without)
    begin = spans.iterations[0].released_ns
    kept = replace(spans, workers=workers)
    return utilisation(kept, "pull", Full(("a->b",), 1e6), begin, begin + 10 * BIN_NS)
