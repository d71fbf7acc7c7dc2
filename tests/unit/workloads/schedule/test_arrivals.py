"""When a source of traffic sends how much."""

from __future__ import annotations

import random
from itertools import islice, pairwise

import pytest

from workloads.schedule.arrivals import Pattern, Sizes, arrivals, offered_bytes, scaled, sizes_of

RATE = 300e6


def test_a_constant_rate_sends_one_message_after_the_other() -> None:
    messages = list(islice(arrivals(Pattern("constant", 8000, Sizes(values=(500.0,))), "1"), 4))
    assert messages == [(0.0, 500.0), (0.5, 500.0), (1.0, 500.0), (1.5, 500.0)]


def test_on_off_pauses_and_goes_on_where_it_was() -> None:
    pattern = Pattern("on-off", 8000, Sizes(values=(500.0,)), on_seconds=1.0, off_seconds=3.0)
    times = [one.at for one in islice(arrivals(pattern, "1"), 5)]
    assert times == [0.0, 0.5, 4.0, 4.5, 8.0]
    assert pattern.mean_bps == 2000
    assert offered_bytes(pattern, "1", 40.0) == pytest.approx(2000 / 8 * 40)


def test_poisson_arrivals_have_the_rate_and_the_spread_of_their_name() -> None:
    pattern = Pattern("poisson", RATE)
    messages = list(islice(arrivals(pattern, "7 1"), 20_000))
    gaps = [after.at - before.at for before, after in pairwise(messages)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    # The mean and the deviation of an exponential are equal; 20,000 of them are within 3 %.
    assert mean == pytest.approx(8 * 64 * 1024 / RATE, rel=0.03)
    assert spread == pytest.approx(mean, rel=0.03)


def test_the_seed_decides_and_nothing_else() -> None:
    pattern = Pattern("poisson", RATE, Sizes("exponential"))
    first, again, other = (list(islice(arrivals(pattern, s), 9)) for s in ("1 0", "1 0", "1 1"))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    "sizes",
    [
        Sizes("constant", (1000.0,)),
        Sizes("exponential", (1000.0,)),
        Sizes("pareto", (1000.0,), 3.0),
        Sizes("list", (500.0, 1500.0)),
    ],
    ids=lambda sizes: sizes.kind,
)
def test_sizes_have_their_mean(sizes: Sizes) -> None:
    chance = random.Random(3)
    drawn = [sizes.drawn(chance) for _ in range(50_000)]
    assert min(drawn) > 0
    assert sum(drawn) / len(drawn) == pytest.approx(1000, rel=0.03)
    assert offered_bytes(Pattern("constant", 8000, sizes), "1", 5000.0) == pytest.approx(
        5_000_000, rel=0.05
    )


@pytest.mark.parametrize(
    ("kind", "values", "shape", "why"),
    [
        ("constant", [], 1.5, "more than 0"),
        ("list", [5, 0], 1.5, "more than 0"),
        ("exponential", [5, 6], 1.5, "have one mean"),
        ("pareto", [5], 1.0, "shape is above 1"),
    ],
)
def test_sizes_that_cannot_be(kind: str, values: list[float], shape: float, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        sizes_of(kind, values, shape)  # type: ignore[arg-type]


@pytest.mark.parametrize(("rates", "time"), [(1, 1), (8, 0.3), (64, 2), (3, 0.1)])
def test_a_scale_divides_the_rate_exactly(rates: float, time: float) -> None:
    pattern = Pattern("constant", 1e6, Sizes(values=(100.0,)))
    real = offered_bytes(pattern, "1", 100.0)
    emulated = 0
    for at_ns, count in scaled(arrivals(pattern, "1"), rates, time):
        if at_ns >= 100.0 * time * 1e9:
            break
        assert count > 0
        emulated += count
    # Less than a byte is left over, of the last message.
    assert real * time / rates - 1 <= emulated <= real * time / rates
