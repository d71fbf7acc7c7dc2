"""Low rank, against the truncated singular value decomposition of numpy."""

from __future__ import annotations

import numpy as np
import pytest

from workloads.codecs.codec import bytes_of
from workloads.codecs.low_rank import LowRank
from workloads.codecs.part import Part


def sent(codec: LowRank, part: Part, values: np.ndarray) -> np.ndarray:
    """What arrives of values."""
    payload = bytes_of(codec.encode(part, values))
    assert len(payload) == codec.payload_bytes(part)
    out = np.empty_like(values)
    codec.decode(part, payload, out)
    return out


def test_fc6_is_709_times_smaller() -> None:
    part = Part(0, 4096 * 9216, 9216)
    assert 4 * part.elements / LowRank(4).payload_bytes(part) == pytest.approx(709, abs=0.5)


@pytest.mark.parametrize("cut", [0, 17], ids=["whole", "last row cut short"])
def test_ten_iterations_find_the_truncated_svd(cut: int) -> None:
    generator = np.random.default_rng(1)
    left, right = generator.normal(size=(60, 4)), generator.normal(size=(4, 80))
    matrix = (left @ right + 0.01 * generator.normal(size=(60, 80))).astype(np.float32)
    values = matrix.ravel()[: matrix.size - cut]
    part = Part(0, len(values), 80)
    matrix = np.append(values, np.zeros(cut, np.float32)).reshape(60, 80)
    codec = LowRank(4, seed=2)
    for _ in range(10):
        arrived = sent(codec, part, values)
    u, s, v = np.linalg.svd(matrix.astype(float), full_matrices=False)
    best = ((u[:, :4] * s[:4]) @ v[:4]).ravel()[: len(values)]
    assert np.linalg.norm(values - arrived) / np.linalg.norm(values) == pytest.approx(
        np.linalg.norm(values - best) / np.linalg.norm(values), abs=1e-4
    )


def test_a_small_matrix_travels_as_it_is() -> None:
    values = np.random.default_rng(3).normal(size=24).astype(np.float32)
    part = Part(0, 24, 8)
    assert LowRank(3).payload_bytes(part) == 96
    assert (sent(LowRank(3), part, values) == values).all()


def test_zeros_do_not_end_it() -> None:
    part = Part(0, 900, 30)
    codec = LowRank(2)
    assert not sent(codec, part, np.zeros(900, np.float32)).any()
    values = np.outer(np.arange(30), np.arange(30)).astype(np.float32).ravel()
    assert sent(codec, part, values) == pytest.approx(values, rel=1e-4, abs=1e-3)
