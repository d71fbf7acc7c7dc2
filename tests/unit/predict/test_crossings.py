"""Where a schedule starts and stops to be faster than the baseline."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.predict import CLEAR, crossings, of_all


def test_a_power_law_crosses_where_it_says() -> None:
    # imgs/sec of a codec over the baseline's: 4 at 10 Mbit/s, falling with the square root.
    values = [10.0, 100.0, 1000.0, 10_000.0]
    crossed = crossings(values, [4 * math.sqrt(10 / value) for value in values])
    assert crossed.values == pytest.approx([160])
    assert crossed.faster_first
    assert crossed.sentence(lambda value: f"{value:.0f} Mbit/s") == "pays below 160 Mbit/s"


def test_points_within_the_noise_are_passed_over() -> None:
    crossed = crossings([1, 2, 4, 8, 16], [2, 1.01, 0.995, 1.004, 0.5])
    assert crossed.values == pytest.approx([4])
    assert crossings([1, 2], [1 + CLEAR / 2, 1]).faster_first is None
    assert crossings([1, 2], [1.001, 1]).sentence(str) == "makes no difference"
    # What cannot be told from the baseline in the end has not crossed it.
    assert crossings([1, 2, 4], [2, 1.5, 1.0]).sentence(str) == "pays up to 2"
    assert crossings([1, 2, 4], [1, 1.5, 2]).sentence(str) == "pays from 2 on"
    assert crossings([1, 2, 4], [1, 1.5, 1]).sentence(str) == "pays from 2 to 2"


def test_what_is_not_known_is_left_out() -> None:
    assert crossings([1, 2, 4], [4, None, 0.25]).values == pytest.approx([2])
    assert crossings([1, 2], [4, None]).sentence(str).startswith("pays everywhere, as far as")
    assert crossings([1, 2], [None, None]).sentence(str) == "has too few figures to tell"


@pytest.mark.parametrize(
    ("ratios", "sentence"),
    [
        ([2, 2, 2, 2], "pays everywhere"),
        ([0.5, 0.5, 0.5, 0.5], "pays nowhere"),
        ([0.5, 2, 2, 2], "pays above 2"),
        ([0.5, 2, 0.5, 0.5], "pays from 2 to 8"),
        ([2, 0.5, 2, 2], "pays below 2 and above 8"),
        ([2, 0.5, 2, 0.5], "pays below 2 and from 8 to 32"),
    ],
)
def test_sentences(ratios: list[float], sentence: str) -> None:
    assert crossings([1, 4, 16, 64], ratios).sentence(lambda value: f"{value:.3g}") == sentence


def test_a_sentence_about_several_has_their_verb() -> None:
    assert of_all(["p3"], "pays below 2") == "p3 pays below 2"
    assert of_all(["fp16", "q8"], "pays below 2") == "fp16, q8 pay below 2"
    assert of_all(["fp16", "q8"], "makes no difference") == "fp16, q8 make no difference"


@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=12))
def test_every_change_of_side_is_one_crossing_between_its_neighbours(ratios: list[float]) -> None:
    values = [2.0**number for number in range(len(ratios))]
    crossed = crossings(values, ratios)
    clear = [
        (value, ratio > 1)
        for value, ratio in zip(values, ratios, strict=True)
        if abs(ratio - 1) > CLEAR
    ]
    changes = [(low, high) for (low, before), (high, after) in pairwise(clear) if before != after]
    assert len(crossed.values) == len(changes)
    for value, (low, high) in zip(crossed.values, changes, strict=True):
        assert low * (1 - 1e-9) <= value <= high * (1 + 1e-9)
