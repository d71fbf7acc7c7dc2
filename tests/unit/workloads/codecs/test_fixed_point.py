"""Whole numbers and a step: its error, its mean, and where each kind of rounding stalls."""

from __future__ import annotations

import numpy as np
import pytest

from workloads.codecs.codec import bytes_of
from workloads.codecs.fixed_point import FixedPoint
from workloads.codecs.part import Part


def sent(codec: FixedPoint, values: np.ndarray, number: int = 0) -> np.ndarray:
    """What arrives of values."""
    part = Part(number, len(values), len(values))
    payload = bytes_of(codec.encode(part, values))
    assert len(payload) == codec.payload_bytes(part)
    out = np.empty_like(values)
    codec.decode(part, payload, out)
    return out


@pytest.mark.parametrize(("bits", "bytes_a_value"), [(8, 1), (16, 2)])
def test_errors_are_half_a_step_at_most(bits: int, bytes_a_value: int) -> None:
    values = np.random.default_rng(1).normal(0, 3, 10_000).astype(np.float32)
    codec = FixedPoint(bits)
    step = np.abs(values).max() / (2 ** (bits - 1) - 1)
    assert np.abs(sent(codec, values) - values).max() <= 0.501 * step
    assert codec.payload_bytes(Part(0, 10_000, 100)) == 4 + bytes_a_value * 10_000


def test_zero_and_the_largest_are_kept() -> None:
    values = np.array([0.0, -0.5, 127.0, -127.0, 1.0], np.float32)
    assert sent(FixedPoint(8), values).tolist() == [0.0, 0.0, 127.0, -127.0, 1.0]
    assert not sent(FixedPoint(8), np.zeros(5, np.float32)).any()


def test_stochastic_rounding_has_the_value_as_its_mean() -> None:
    values = np.random.default_rng(2).uniform(-1, 1, 64).astype(np.float32)
    values[0] = 1.0  # the range, in every draw
    draws = 10_000
    codec = FixedPoint(8, stochastic=True, seed=3)
    all_sent = np.array([sent(codec, values) for _ in range(draws)], np.float64)
    step = 1.0 / 127
    fraction = np.mod(values.astype(np.float64) / step, 1)
    sigma = step * np.sqrt(fraction * (1 - fraction) / draws)
    assert (np.abs(all_sent.mean(axis=0) - values) <= 4 * sigma + 1e-6).all()


def test_nearest_rounding_stalls_where_stochastic_converges() -> None:
    # Half the squared distance to a target, beside a value that keeps the range wide: the gradient
    # is soon below half a step.
    target = np.array([0.3, 0.0], np.float32)

    def distance(codec: FixedPoint) -> float:
        x = np.zeros(2, np.float32)
        for _ in range(4000):
            gradient = x - target
            gradient[1] = 100.0
            arrived = sent(codec, gradient)
            arrived[1] = 0.0
            x -= np.float32(0.01) * arrived
        return float(abs(x[0] - target[0]))

    assert distance(FixedPoint(8)) == pytest.approx(0.3)
    assert distance(FixedPoint(8, stochastic=True)) < 0.1


def test_parts_draw_alike_in_any_order() -> None:
    values = np.random.default_rng(4).normal(size=100).astype(np.float32)
    one, other = (FixedPoint(8, stochastic=True, seed=5) for _ in range(2))
    first = [sent(one, values, number) for number in (0, 1)]
    second = [sent(other, values, number) for number in (1, 0)]
    assert (first[0] == second[1]).all()
    assert (first[1] == second[0]).all()
    assert (first[0] != first[1]).any()


@pytest.mark.parametrize("wrong", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        sent(FixedPoint(8), np.array([1.0, wrong], np.float32))


@pytest.mark.parametrize("wrong", [-1.0, np.nan])
def test_a_step_that_cannot_be_is_refused(wrong: float) -> None:
    payload = memoryview(np.float32(wrong).tobytes() + bytes(2))
    with pytest.raises(ValueError, match="a step of"):
        FixedPoint(8).decode(Part(0, 2, 2), payload, np.empty(2, np.float32))
