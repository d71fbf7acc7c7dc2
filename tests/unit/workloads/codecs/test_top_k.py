"""The largest values: which they are, what they weigh, and that nothing is lost with feedback."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workloads.codecs.codec import bytes_of
from workloads.codecs.feedback import Feedback
from workloads.codecs.part import Part
from workloads.codecs.top_k import TopK

finite = st.floats(-1e6, 1e6, width=32)


def test_one_percent_is_two_percent_of_the_bytes() -> None:
    part = Part(0, 1_000_000, 1000)
    assert TopK(Fraction(1, 100)).payload_bytes(part) == 0.02 * 4 * part.elements


@given(values=arrays(np.float32, st.integers(1, 200), elements=finite), percent=st.integers(1, 100))
def test_the_largest_arrive_and_others_are_zero(values: np.ndarray, percent: int) -> None:
    codec, part = TopK(Fraction(percent, 100)), Part(0, len(values), len(values))
    out = np.full_like(values, 7)
    codec.decode(part, bytes_of(codec.encode(part, values)), out)
    count = max(1, -(-len(values) * percent // 100))
    kept = out != 0
    assert (out[kept] == values[kept]).all()
    assert kept.sum() <= count
    smallest = np.sort(np.abs(values))[-count]
    assert (out[np.abs(values) > smallest] == values[np.abs(values) > smallest]).all()


@given(given=st.lists(arrays(np.float32, 30, elements=finite), min_size=1, max_size=5))
def test_residual_and_sent_are_the_gradient_to_the_bit(given: list[np.ndarray]) -> None:
    codec, part = Feedback(TopK(Fraction(1, 10))), Part(0, 30, 30)
    lost = np.zeros(30, np.float32)
    for gradient in given:
        wanted = lost + gradient
        arrived = np.empty(30, np.float32)
        codec.decode(part, bytes_of(codec.encode(part, gradient)), arrived)
        lost = np.where(arrived != 0, np.float32(0), wanted)
        assert (lost + arrived == wanted).all()


@pytest.mark.parametrize("places", [[3, 2], [2, 2], [2, 9]])
def test_places_that_cannot_be_are_refused(places: list[int]) -> None:
    payload = np.array(places, np.uint32).tobytes() + bytes(8)
    with pytest.raises(ValueError, match="places"):
        TopK(Fraction(1, 4)).decode(Part(0, 8, 8), memoryview(payload), np.empty(8, np.float32))
