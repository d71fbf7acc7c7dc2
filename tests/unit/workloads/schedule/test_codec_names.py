"""Names of codecs, taken apart, and what they make."""

from __future__ import annotations

from fractions import Fraction

import pytest

from workloads.codecs.feedback import Feedback
from workloads.codecs.named import make
from workloads.library import CODECS
from workloads.schedule.codec_names import CodecName, is_library, parse


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("identity", CodecName("identity")),
        ("float16+feedback", CodecName("float16", feedback=True)),
        ("fixed-point:8", CodecName("fixed-point", 8)),
        ("fixed-point:16:stochastic", CodecName("fixed-point", 16, stochastic=True)),
        ("top-k:1%", CodecName("top-k", Fraction(1, 100))),
        ("top-k:0.1%+feedback", CodecName("top-k", Fraction(1, 1000), feedback=True)),
        ("top-k:0.25", CodecName("top-k", Fraction(1, 4))),
        ("codebook:4", CodecName("codebook", 4)),
        ("sign", CodecName("sign")),
        ("low-rank:4+feedback", CodecName("low-rank", 4, feedback=True)),
    ],
)
def test_a_name_has_its_parameter_and_variant(name: str, expected: CodecName) -> None:
    assert parse(name) == expected
    assert is_library(name)
    assert isinstance(make(name), Feedback) == expected.feedback


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("flat16", "float16"),
        ("fixed-point", "takes one parameter, such as 'fixed-point:8'"),
        ("fixed-point:7", "must be one of 8, 16"),
        ("fixed-point:8:random", "takes one parameter"),
        ("top-k:0%", "over 0 % and at most 100 %"),
        ("top-k:101%", "over 0 % and at most 100 %"),
        ("top-k:some", "over 0 % and at most 100 %"),
        ("codebook:9", "must be one of 1, 2"),
        ("low-rank:0", "from 1 to 64"),
        ("sign:2", "takes no parameter"),
        ("identity+feedback", "loses nothing"),
    ],
)
def test_what_is_wrong_is_said(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(name)


def test_somebody_s_own_is_none_of_the_library() -> None:
    assert not is_library("my_codec:Mine")


def test_all_of_the_library_can_be_made() -> None:
    parameters = {"fixed-point": ":8", "top-k": ":1%", "codebook": ":8", "low-rank": ":4"}
    for kind, target in CODECS.items():
        made = type(make(kind + parameters.get(kind, "")))
        assert f"{made.__module__}:{made.__name__}" == target
