"""Sparse contributions change the same bits as dense ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.training.sparse import SparseSum
from workloads.transport.memory import Sparse


@given(
    size=st.integers(1, 300),
    seed=st.integers(0, 1000),
    counts=st.lists(st.integers(1, 50), min_size=1, max_size=4),
)
def test_bits_are_those_of_dense_contributions(size: int, seed: int, counts: list[int]) -> None:
    same_bits(size, seed, [min(size, count) for count in counts])


@pytest.mark.parametrize("count", [1, 3])
def test_several_tiles(count: int) -> None:
    same_bits(3 * (1 << 18) + 5, 7, [40_000] * count)


def same_bits(size: int, seed: int, counts: list[int]) -> None:
    generator = np.random.default_rng(seed)
    parameters = generator.normal(size=size).astype(np.float32)
    step = np.float32(0.01 / 3)
    total = np.zeros(size, np.float32)
    contributions = []
    for count in counts:
        places = np.sort(generator.choice(size, count, replace=False)).astype(np.uint32)
        values = generator.normal(size=count).astype(np.float32)
        contributions.append(Sparse(places, values))
        dense = np.zeros(size, np.float32)
        dense[places] = values
        total += dense
    expected = parameters - total * step
    SparseSum().subtract(parameters, step, contributions)
    assert (parameters.view(np.uint32) == expected.view(np.uint32)).all()
