"""Trainings whose values travel coded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.workloads import own_codecs as codecs
from tests.unit.workloads.in_process import model_of, train
from tests.unit.workloads.own_codecs import named
from tests.unit.workloads.reference import trained
from workloads.codecs import Codec
from workloads.codecs.coded import payloads_of
from workloads.codecs.top_k import TopK
from workloads.errors import JobError, WorkloadError
from workloads.schedule.library import get_schedule
from workloads.schedule.schedule import Schedule
from workloads.schedule.units import CHUNK_BYTES, Layout
from workloads.transport.memory import Arena

MODEL = model_of([[CHUNK_BYTES // 2, 10], [], [70_000]])
ELEMENTS = CHUNK_BYTES // 2 + 10 + 70_000


def under(codec: type[Codec], schedule: str = "p3") -> Schedule:
    return replace(get_schedule(schedule), push_codec=named(codec), pull_codec=named(codec))


@pytest.mark.parametrize("schedule", ["none", "p3"])
@pytest.mark.parametrize("codec", [codecs.Negated, codecs.Packed])
def test_an_exact_codec_changes_no_bit(tmp_path: Path, codec: type[Codec], schedule: str) -> None:
    end = train(tmp_path, MODEL, under(codec, schedule))[-1]
    expected = trained(MODEL.tensors, 1, seed=7, workers=3, rate=0.01, iterations=3)
    assert (end["parameters_sha256"], end["exact"]) == (expected, True)


@pytest.mark.parametrize(
    ("codec", "bytes_per_value"), [(codecs.Negated, 4), (codecs.Halved, 2), (codecs.Silent, 0)]
)
def test_frames_and_records_have_the_real_length(
    tmp_path: Path, codec: type[Codec], bytes_per_value: int
) -> None:
    records = train(tmp_path, MODEL, under(codec), iterations=2)
    payload = 2 * 3 * bytes_per_value * ELEMENTS
    assert (records[-1]["payload_in"], records[-1]["payload_out"]) == (payload, payload)
    for connection in records[-1]["connections"]:
        assert connection["bytes_received"] == pytest.approx(payload / 3, abs=20_000)
    assert records[-1]["exact"] is (codec is codecs.Negated)


@pytest.mark.parametrize("schedule", ["none", "p3", "r2sp"])
def test_a_sparse_push_is_applied_as_a_dense_one(
    tmp_path: Path, schedule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = 1 if schedule == "r2sp" else 3
    coded = replace(get_schedule(schedule), push_codec="top-k:5%+feedback")
    model = model_of([[(64, CHUNK_BYTES // 100), 10], [], [300, (70, 1000)]])
    for folder in ("sparse", "dense"):
        (tmp_path / folder).mkdir()
    ends = [train(tmp_path / "sparse", model, coded, workers=workers)[-1]]
    monkeypatch.setattr(TopK, "gives_sparse", False)
    ends.append(train(tmp_path / "dense", model, coded, workers=workers)[-1])
    assert ends[0]["parameters_sha256"] == ends[1]["parameters_sha256"]
    assert ends[0]["payload_in"] == ends[1]["payload_in"]


@pytest.mark.parametrize(
    ("codec", "message"),
    [
        (
            codecs.Failing,
            r"encode\(\) raised LookupError: nothing is known of it \(own_codecs.py, line \d+\)",
        ),
        (codecs.Clumsy, r"encode\(\) raised ValueError: output array is read-only"),
        (codecs.Lying, r"encode\(\) returned \d+ bytes for \d+ values, and payload_bytes"),
        (
            codecs.Short,
            r"bytes do not decode to \d+ values: codec '.*:Short': decode\(\) "
            r"raised ValueError",
        ),
    ],
)
@pytest.mark.parametrize("schedule", ["none", "p3"])
def test_a_codec_that_fails_ends_the_training(
    tmp_path: Path, codec: type[Codec], message: str, schedule: str
) -> None:
    with pytest.raises(WorkloadError, match=message):
        train(tmp_path, MODEL, under(codec, schedule))


@pytest.mark.parametrize(
    ("codec", "why"),
    [
        ("nowhere:Codec", "ModuleNotFoundError: No module named 'nowhere'"),
        (f"{__name__}:Missing", f"AttributeError: module '{__name__}' has no attribute 'Missing'"),
        (f"{__name__}:Path", "TypeError: Path is not a subclass of Codec"),
    ],
)
def test_a_codec_that_is_not_on_the_host(codec: str, why: str) -> None:
    layout = Layout(MODEL, 1, 1)
    with pytest.raises(JobError) as raised:
        payloads_of(codec, MODEL, layout, Arena(layout), 0)
    assert str(raised.value) == f"codec {codec!r} cannot be loaded on this host: {why}"
