"""The codec that a name stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import cast

from workloads.codecs.codebook import Codebook
from workloads.codecs.codec import Codec
from workloads.codecs.feedback import Feedback
from workloads.codecs.fixed_point import FixedPoint
from workloads.codecs.halves import BFloat16, Float16
from workloads.codecs.identity import Identity
from workloads.codecs.low_rank import LowRank
from workloads.codecs.sign import Sign
from workloads.codecs.top_k import TopK
from workloads.library import IDENTITY
from workloads.schedule.codec_names import CodecName, parse


def make(name: str, seed: int = 0) -> Codec:
    """A codec of the library.

    Args:
        name: as `names.parse` reads it.
        seed: of what is random in it; equal ones code alike.

    Raises:
        ValueError: there is none of that name, or its parameter is wrong.
    """
    known = parse(name)
    codec = _plain(known, seed)
    return Feedback(codec) if known.feedback else codec


def _plain(name: CodecName, seed: int) -> Codec:
    number = cast("int", name.parameter)
    made: Mapping[str, Callable[[], Codec]] = {
        IDENTITY: Identity,
        "float16": Float16,
        "bfloat16": BFloat16,
        "fixed-point": lambda: FixedPoint(number, stochastic=name.stochastic, seed=seed),
        "top-k": lambda: TopK(cast("Fraction", name.parameter)),
        "codebook": lambda: Codebook(number),
        "sign": Sign,
        "low-rank": lambda: LowRank(number, seed=seed),
    }
    return made[name.kind]()
