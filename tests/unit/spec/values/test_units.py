"""Quantities with units, and the scale model's arithmetic."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.spec import (
    QuantityError,
    Scale,
    number_text,
    parse_duration,
    parse_rate,
    parse_size,
    rate_text,
)
from orchestrator.spec.scale import AutoScale, parse_scale
from orchestrator.spec.values.units import DURATION, RATE, SIZE

PARSERS = (parse_rate, parse_size, parse_duration)


def outcome(parser: Callable[[object], int], value: object) -> tuple[int, str]:
    """What was read, or 0 and the message."""
    try:
        return parser(value), ""
    except QuantityError as error:
        return 0, str(error)


@pytest.mark.parametrize(
    ("text", "bps"),
    [
        ("10 Gbps", 10**10),
        ("10gbit", 10**10),
        ("10Gbit", 10**10),
        ("10 GBIT", 10**10),
        ("1g", 10**9),
        ("1 G", 10**9),
        ("100 Mbit/s", 10**8),
        ("100 Mb/s", 10**8),
        ("56kbps", 56_000),
        ("8 bps", 8),
        ("2.5 Gbps", 2_500_000_000),
        ("10 Tbps", 10**13),
        ("0.1 bit/s", None),
        ("1.5 bps", 2),
    ],
)
def test_rates(text: str, bps: int | None) -> None:
    if bps is None:
        with pytest.raises(QuantityError, match="a rate of zero"):
            parse_rate(text)
    else:
        assert parse_rate(text) == bps


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("16 GiB", 16 * 2**30),
        ("512 KiB", 524288),
        ("64kB", 64_000),
        ("64 KB", 64_000),
        ("1500 B", 1500),
        ("1.5 KiB", 1536),
        ("0 B", 0),
        ("1024 TiB", 2**50),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [("50us", 50), ("50 µs", 50), ("1 ms", 1000), ("0s", 0), ("0.5ms", 500), ("2 s", 2_000_000)],
)
def test_durations(text: str, microseconds: int) -> None:
    assert parse_duration(text) == microseconds


@pytest.mark.parametrize(
    ("parser", "text", "message", "hint"),
    [
        (parse_rate, "10", "rate '10' has no unit", "for example '10 Gbps'"),
        (parse_rate, 10, "rate 10 has no unit", "for example '10 Gbps'"),
        (parse_rate, True, "expected a rate, found the truth value true", "for example '10 Gbps'"),
        (parse_rate, [], "expected a rate, found a list", "for example '10 Gbps'"),
        (parse_rate, "0 Gbps", "a rate of zero: '0 Gbps'", None),
        (parse_rate, "-1 Gbps", "negative rate: '-1 Gbps'", ""),
        (parse_rate, "1 GB/s", "not a rate: '1 GB/s'", "B is bytes and a rate is in bits"),
        (parse_rate, "1 GBps", "not a rate: '1 GBps'", "B is bytes and a rate is in bits"),
        (parse_rate, "11 Tbps", "rate '11 Tbps' is above 10 Tbps", ""),
        (parse_rate, "1e3 Gbps", "not a rate: '1e3 Gbps'", "for example '10 Gbps'"),
        (parse_rate, "1 Gbps 2", "not a rate: '1 Gbps 2'", "for example '10 Gbps'"),
        (parse_rate, "1 Gbps\n", "not a rate: '1 Gbps\\n'", "for example '10 Gbps'"),
        (parse_rate, "٣ Gbps", "not a rate: '٣ Gbps'", "for example '10 Gbps'"),
        (parse_size, "64 kb", "not a size: '64 kb'", "b is bits and a size is in bytes"),
        (parse_size, "64 M", "not a size: '64 M'", "MiB counts in 1024, MB in 1000"),
        (parse_size, "0.5 B", "size '0.5 B' is not a whole number of bytes", ""),
        (parse_size, "1025 TiB", "size '1025 TiB' is above 1024 TiB", ""),
        (parse_duration, 0, "duration 0 has no unit", "for example '50us'"),
        (parse_duration, "50 ns", "not a duration: '50 ns'", "for example '50us'"),
        (parse_duration, "0.5us", "duration '0.5us' is finer than 1 us", ""),
        (parse_duration, "3601 s", "duration '3601 s' is above one hour", ""),
    ],
)
def test_refused_quantities(parser: object, text: object, message: str, hint: str | None) -> None:
    assert callable(parser)
    with pytest.raises(QuantityError) as caught:
        parser(text)
    assert str(caught.value) == message
    if hint is not None:
        assert caught.value.hint.startswith(hint)
        assert bool(caught.value.hint) == bool(hint)


@given(st.text(max_size=60) | st.integers() | st.floats() | st.none() | st.booleans())
def test_any_value_is_read_or_refused(value: object) -> None:
    for parser in PARSERS:
        number, message = outcome(parser, value)
        assert number >= 0
        assert message.isprintable()


@given(
    st.sampled_from((RATE, SIZE, DURATION)).flatmap(
        lambda kind: st.tuples(st.just(kind), st.from_regex(re.compile(kind.pattern, re.ASCII)))
    )
)
def test_what_the_schema_allows_is_read_unless_out_of_range(case: tuple[object, str]) -> None:
    kind, text = case
    text = text.removesuffix("\n")  # `$` matches before it; an editor's regular expressions do not
    parser = dict(zip((RATE, SIZE, DURATION), PARSERS, strict=True))[kind]  # type: ignore[index]
    _, message = outcome(parser, text)
    assert not message.startswith("not a ")
    assert "has no unit" not in message


@given(st.integers(1, 10**13), st.sampled_from(("bps", "bit", "b/s", "bit/s")))
def test_a_rate_in_bits_reads_as_itself(bps: int, unit: str) -> None:
    assert parse_rate(f"{bps} {unit}") == bps


@given(st.integers(0, 2**50))
def test_a_size_in_bytes_reads_as_itself(size: int) -> None:
    assert parse_size(f"{size} B") == size


def test_scale_of_one_changes_nothing() -> None:
    scale = Scale()
    assert (scale.rate(10**9), scale.bytes(1514), scale.elements(7)) == (10**9, 1514, 7)
    assert (scale.seconds(0.25), scale.imgs_per_sec(2.5)) == (0.25, 2.5)
    assert str(scale) == "R=1, D=1"


def test_scale_divides_rates_and_stretches_time() -> None:
    scale = parse_scale("8,0.5")
    assert scale == Scale(rates=8, time=0.5)
    assert scale.rate(10**9) == 125_000_000
    assert scale.seconds(3.0) == 1.5
    assert scale.bytes(512 * 1024) == 32 * 1024
    assert scale.bytes(17) == 2
    assert scale.bytes(0) == 0
    assert scale.elements(1) == 1
    # A run that takes half the time shows twice the imgs/sec of the real system.
    assert scale.imgs_per_sec(4.0) == 2.0
    assert str(scale) == "R=8, D=0.5"


def test_what_the_mtu_makes_too_small_to_work_has_a_least_size() -> None:
    real, small = Scale(), Scale(32, 0.5)
    assert real.send_buffer_bytes(65536) == 65536
    assert small.send_buffer_bytes(65536) == 16 * 1024
    assert small.receive_buffer_bytes(262144) == small.queue_bytes(524288) == 128 * 1024
    assert Scale(2, 1).queue_bytes(524288) == 262144
    # Who asks for less than that gets it.
    # Nor more than the kernel takes.
    assert Scale(1, 3).send_buffer_bytes(1 << 29) == 1 << 30
    assert Scale(1, 3).receive_buffer_bytes(1 << 30) == 1 << 30
    assert small.send_buffer_bytes(4096) == small.queue_bytes(4096) == 4096


@pytest.mark.parametrize(("text", "time"), [("auto", 1.0), ("auto,0.5", 0.5), (" auto , 2 ", 2.0)])
def test_a_scale_whose_rates_are_chosen_later(text: str, time: float) -> None:
    asked = parse_scale(text)
    assert asked == AutoScale(time)
    assert isinstance(asked, AutoScale)
    assert asked.at(8) == Scale(8, time)
    assert str(asked) == f"R auto, D={time:g}"


def test_a_scale_survives_the_command_line() -> None:
    for scale in (Scale(8, 0.5), Scale(1.1, 1 / 3), Scale(10**6, 10**-3)):
        assert parse_scale(scale.option()) == scale


def test_scale_is_exact_where_floats_are_not() -> None:
    assert math.ceil(10 * Fraction(0.1)) == 2
    assert Scale(1, 0.1).elements(10) == 1
    assert Scale(3, 0.3).bytes(100) == 10


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1", "expected R,D such as 1,0.5, or auto,D, or auto, found '1'"),
        ("1,2,3", "expected R,D such as 1,0.5, or auto,D, or auto, found '1,2,3'"),
        ("a,b", "expected R,D such as 1,0.5, or auto,D, or auto, found 'a,b'"),
        ("0.5,1", "R (rates) must be from 1 to 1000000, found 0.5"),
        ("nan,1", "R (rates) must be from 1 to 1000000, found nan"),
        ("1,0", "D (time) must be from 0.001 to 1000, found 0"),
        ("1,-1", "D (time) must be from 0.001 to 1000, found -1"),
        ("auto,0", "D (time) must be from 0.001 to 1000, found 0"),
        ("auto,", "expected R,D such as 1,0.5, or auto,D, or auto, found 'auto,'"),
        ("1,auto", "expected R,D such as 1,0.5, or auto,D, or auto, found '1,auto'"),
        ("1,inf", "D (time) must be from 0.001 to 1000, found inf"),
    ],
)
def test_refused_scales(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_scale(text)
    assert str(caught.value) == message


@given(st.text(max_size=20))
def test_any_text_is_a_scale_or_a_value_error(text: str) -> None:
    try:
        scale = parse_scale(text)
    except ValueError:
        return
    assert isinstance(scale, AutoScale) or scale.rates >= 1
    assert scale.time is not None
    assert scale.time > 0


@given(
    st.integers(1, 10**12),
    st.floats(1, 10**6, allow_nan=False),
    st.floats(0.001, 1000, allow_nan=False),
)
def test_elements_are_the_least_that_suffice(count: int, rates: float, time: float) -> None:
    scale = Scale(rates, time)
    elements = scale.elements(count)
    exact = count * Fraction(repr(time)) / Fraction(repr(rates))
    assert elements >= 1
    assert elements >= exact
    assert elements == 1 or elements - 1 < exact


@given(st.integers(1, 10**13), st.integers(1, 1000))
def test_bytes_over_rate_is_stretched_by_d(rate: int, rates: int) -> None:
    scale = Scale(rates, 1.0)
    assert scale.rate(rate) >= 1
    assert abs(scale.rate(rate) * rates - rate) <= max(rates, rates / 2)


@pytest.mark.parametrize(
    ("bps", "text"),
    [
        (1, "1 bit/s"),
        (9_600, "9.6 kbit/s"),
        (244_841.2, "244.8 kbit/s"),
        (999_999, "1 Mbit/s"),
        (956_406_869, "956.4 Mbit/s"),
        (2_500_000_000, "2.5 Gbit/s"),
        (400 * 10**9, "400 Gbit/s"),
        (10**13, "10 Tbit/s"),
    ],
)
def test_rates_for_people(bps: float, text: str) -> None:
    assert rate_text(bps) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0001234, "0.000123"),
        (0.09996, "0.100"),
        (0.23871, "0.239"),
        (2.0786, "2.079"),
        (1234.5, "1234.500"),
        (0, "0.000"),
        (math.inf, "inf"),
    ],
)
def test_figures_have_three_decimals_and_three_digits_at_any_size(value: float, text: str) -> None:
    assert number_text(value, 3) == text


def test_figures_have_as_many_digits_as_asked() -> None:
    texts = [number_text(value, digits=4) for value in (0.00123456, 6.2071, 8.31, 16123.4)]
    assert texts == ["0.001235", "6.207", "8.310", "16123"]
