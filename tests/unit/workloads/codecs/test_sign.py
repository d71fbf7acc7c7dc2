"""Signs and a scale a filter: the best scale there is, slices included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from workloads.codecs.codec import bytes_of
from workloads.codecs.part import Part
from workloads.codecs.sign import Sign

FC6 = Part(0, 4096 * 9216, 9216)


def sent(part: Part, values: np.ndarray) -> np.ndarray:
    """What arrives of values."""
    payload = bytes_of(Sign().encode(part, values))
    assert len(payload) == Sign().payload_bytes(part)
    out = np.empty_like(values)
    Sign().decode(part, payload, out)
    return out


def test_the_scale_has_the_least_squared_error() -> None:
    part = Part(0, 12 * 75, 75)
    values = np.random.default_rng(1).laplace(size=part.elements).astype(np.float32)
    arrived = sent(part, values).reshape(12, 75)
    assert ((arrived > 0) == (values.reshape(12, 75) > 0)).all()
    for filter_, row in zip(values.reshape(12, 75).astype(float), arrived, strict=True):
        signs = np.sign(filter_)
        best = minimize_scalar(lambda a, x=filter_, s=signs: ((x - a * s) ** 2).sum(), tol=1e-12).x
        assert abs(row[0]) == pytest.approx(best, rel=1e-6)


@given(
    row=st.integers(1, 40),
    offset=st.integers(0, 100),
    elements=st.integers(1, 300),
    seed=st.integers(0, 9),
)
def test_a_slice_has_a_scale_for_each_row_that_it_has_a_part_of(
    row: int, offset: int, elements: int, seed: int
) -> None:
    values = np.random.default_rng(seed).normal(size=elements).astype(np.float32)
    arrived = sent(Part(0, elements, row, offset, whole=False), values)
    rows = (np.arange(elements) + offset) // row
    for number in np.unique(rows):
        expected = np.abs(values[rows == number]).mean(dtype=np.float64)
        assert np.abs(arrived[rows == number]) == pytest.approx(expected, rel=1e-6)


def test_fc6_is_sent_in_a_thirty_second_of_its_bytes() -> None:
    assert 4 * FC6.elements / Sign().payload_bytes(FC6) == pytest.approx(31.9, abs=0.05)
