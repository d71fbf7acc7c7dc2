"""Weight sharing, against the optimum in one dimension as kmeans1d finds it."""

from __future__ import annotations

import numpy as np
import pytest

from workloads.codecs.codebook import Codebook, Groups, first_table, lloyd, places_in
from workloads.codecs.codec import bytes_of
from workloads.codecs.part import Part

_COUNT = 6000


def _tensors() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(1)
    normal = generator.standard_normal
    kinds = {
        "normal": normal(_COUNT),
        "laplace": generator.laplace(size=_COUNT),
        "heavy tails": generator.standard_t(3, _COUNT),
        "uniform": generator.random(_COUNT),
        "two hills": np.concatenate([normal(_COUNT // 2) / 10 + 5, normal(_COUNT // 2) - 5]),
        "cauchy": generator.standard_cauchy(_COUNT),
        "mostly zero": np.where(generator.random(_COUNT) < 0.9, 0, normal(_COUNT)),
        "small": 1e-9 * normal(_COUNT),
        "large": 1e9 * normal(_COUNT),
        "few values": generator.integers(0, 40, _COUNT).astype(float),
    }
    return {name: values.astype(np.float32) for name, values in kinds.items()}


TENSORS = _tensors()


def sent(codec: Codebook, values: np.ndarray) -> np.ndarray:
    """What arrives of values."""
    part = Part(0, len(values), len(values))
    payload = bytes_of(codec.encode(part, values))
    assert len(payload) == codec.payload_bytes(part)
    out = np.empty_like(values)
    codec.decode(part, payload, out)
    return out


def distance(values: np.ndarray, others: np.ndarray) -> float:
    """Of all, squared."""
    return float(((values.astype(float) - others) ** 2).sum())


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("name", TENSORS)
def test_the_cost_is_the_optimum_s_within_a_hundredth(name: str, bits: int) -> None:
    kmeans1d = pytest.importorskip("kmeans1d")
    values = TENSORS[name]
    places, centres = kmeans1d.cluster(values.astype(float).tolist(), 1 << bits)
    best = distance(values, np.array(centres)[places])
    rounding = distance(values, np.nextafter(values, np.float32(np.inf)))
    assert distance(values, sent(Codebook(bits), values)) <= 1.01 * best + rounding


@pytest.mark.parametrize("bits", range(1, 9))
def test_places_of_any_width_are_packed_without_gaps(bits: int) -> None:
    values = np.random.default_rng(2).integers(0, 1 << bits, 1001).astype(np.float32)
    assert (sent(Codebook(bits), values) == values).all()
    assert Codebook(bits).payload_bytes(Part(0, 1001, 7)) == (4 << bits) + -(-1001 * bits // 8)


def test_eight_bits_are_a_quarter_of_the_bytes() -> None:
    part = Part(0, 4096 * 9216, 9216)
    assert 4 * part.elements / Codebook(8).payload_bytes(part) == pytest.approx(4.0, abs=0.001)


@pytest.mark.parametrize("name", TENSORS)
def test_no_step_raises_the_cost(name: str) -> None:
    groups = Groups.of(TENSORS[name])
    table = first_table(groups, 16)
    for _ in range(50):
        moved = np.sort(groups.centres(table))
        assert groups.cost(moved) <= groups.cost(table) * (1 + 1e-9) + 1e-30
        table = moved
    assert groups.cost(lloyd(groups, first_table(groups, 16))) <= groups.cost(
        first_table(groups, 16)
    )


def test_the_next_table_begins_with_the_last_one() -> None:
    values = TENSORS["normal"]
    codec = Codebook(4)
    first = distance(values, sent(codec, values))
    assert distance(values, sent(codec, values)) <= first * (1 + 1e-6)


@pytest.mark.parametrize("wrong", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        sent(Codebook(2), np.array([1.0, wrong, 2.0], np.float32))


def test_one_value_is_enough() -> None:
    assert sent(Codebook(3), np.array([2.5], np.float32)).tolist() == [2.5]


@pytest.mark.parametrize("entries", [2, 16, 256])
@pytest.mark.parametrize("name", TENSORS)
def test_of_many_values_the_places_are_those_of_a_search(name: str, entries: int) -> None:
    generator = np.random.default_rng(3)
    values = generator.choice(np.concatenate([TENSORS[name], -TENSORS[name]]), 1 << 17)
    borders = np.sort(generator.choice(values, entries - 1))
    some = generator.integers(0, len(values), 1000)
    values[some] = generator.choice(borders, 1000)  # a border itself is below it
    assert (places_in(borders, values) == np.searchsorted(borders, values)).all()


def test_groups_of_many_values_have_the_sums_of_all() -> None:
    values = np.random.default_rng(4).standard_normal((1 << 19) + 5).astype(np.float32)
    groups = Groups.of(values)
    assert groups.counts.sum() == len(values)
    sums = groups.counts * groups.means
    assert np.allclose(sums[:-1], np.sort(values)[: len(sums) * 3 - 3].reshape(-1, 3).sum(axis=1))
    assert sums.sum() == pytest.approx(values.sum(dtype=np.float64))
