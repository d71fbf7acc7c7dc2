"""Coded sums and parameters go round a ring: exact ones change no bit, others agree everywhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.unit.workloads import own_codecs
from tests.unit.workloads.exchanges import digests_together, train_together
from tests.unit.workloads.in_process import model_of
from tests.unit.workloads.own_codecs import named
from workloads.library import IDENTITY
from workloads.schedule.library import get_schedule
from workloads.schedule.units import Layout

RING = replace(get_schedule("ring"), slice_bytes=4096)
WHOLE = replace(RING, slice_bytes=None, synchronisation="per-tensor")
MODEL = model_of([[(70, 1000), 5], [1, (30, 100)], [], [(257, 64)]])


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("codec", [own_codecs.Negated, own_codecs.Packed])
def test_exact_codecs_change_no_bit(
    tmp_path: Path, codec: type[own_codecs.Negated], workers: int
) -> None:
    coded = replace(RING, push_codec=named(codec), pull_codec=named(codec))
    expected = digests_together(tmp_path, MODEL, RING, workers=workers, iterations=3, rate=0.1)
    assert len(expected) == 1
    digests = digests_together(tmp_path, MODEL, coded, workers=workers, iterations=3, rate=0.1)
    assert digests == expected


def test_payloads_that_add_up_are_decoded_by_their_owner_alone(tmp_path: Path) -> None:
    adding = replace(RING, push_codec=named(own_codecs.Adding))
    own_codecs.Adding.decoded.clear()
    expected = digests_together(tmp_path, MODEL, RING, workers=4, iterations=3, rate=0.1)
    found = digests_together(tmp_path, MODEL, adding, workers=4, iterations=3, rate=0.1)
    assert found == expected
    tensors = [tensor for layer in MODEL.layers for tensor in layer.tensors]
    units = Layout(MODEL, 1, 1, RING.slice_bytes).units
    coded = [unit.number for unit in units if len(tensors[unit.tensor].shape) > 1]
    assert sorted(own_codecs.Adding.decoded) == sorted(3 * coded)


@pytest.mark.parametrize(
    ("push", "pull"),
    [
        ("float16", "float16"),
        ("top-k:5%+feedback", IDENTITY),
        ("fixed-point:8:stochastic", "fixed-point:8:stochastic"),
        ("sign+feedback", "bfloat16"),
        (IDENTITY, "codebook:4"),
        ("low-rank:2+feedback", IDENTITY),
    ],
)
def test_all_members_end_alike_and_alike_again(tmp_path: Path, push: str, pull: str) -> None:
    coded = replace(WHOLE, push_codec=push, pull_codec=pull)
    ends = [
        digests_together(tmp_path, MODEL, coded, workers=3, iterations=3, rate=0.1)
        for _ in range(2)
    ]
    assert len(ends[0]) == 1
    assert ends[0] == ends[1]


def test_half_the_bytes_go_round(tmp_path: Path) -> None:
    model = model_of([[(100, 300)], [(100, 300)], [(100, 300)]])
    coded = replace(WHOLE, push_codec="float16", pull_codec="float16")
    sent = []
    for schedule in (WHOLE, coded):
        each = train_together(tmp_path, model, schedule, workers=3, iterations=2, rate=0.1)
        of_each = (records[-1]["connections"] for records in each)
        # Received: what is sent again counts once.
        sent.append(np.array([max(one["bytes_received"] for one in ends) for ends in of_each]))
    assert sent[1] == pytest.approx(sent[0] / 2, rel=0.02)
