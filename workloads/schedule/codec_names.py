"""How a schedule names a codec: `identity`, `top-k:1%+feedback`, `fixed-point:8:stochastic` (pure).

A name has the codec's parameter behind a colon, if it takes one, then its variant, and `+feedback`
at the end if what it loses is to be added to what is sent next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from workloads.errors import unknown_name
from workloads.library import CODECS

FEEDBACK = "+feedback"
NEEDS_WHOLE = frozenset({"low-rank"})
"""Codecs of whole tensors: a slice of a matrix is none."""
PUSH_ONLY: Mapping[str, str] = {
    "top-k": "parameters that are not among the largest would arrive as zero",
    "low-rank": "parameters would arrive as a matrix of that rank",
}
"""Codecs that gradients only may have, and why."""
STOCHASTIC = "stochastic"


@dataclass(frozen=True)
class CodecName:
    """A codec's name, taken apart.

    Attributes:
        kind: which codec of the library.
        parameter: bits, rank or share; None: it takes none.
        stochastic: whether it rounds so.
        feedback: whether it is wrapped in error feedback.
    """

    kind: str
    parameter: int | Fraction | None = None
    stochastic: bool = False
    feedback: bool = False


def is_library(name: str) -> bool:
    """Whether a name is one of the library, and not user-defined."""
    return name.removesuffix(FEEDBACK).partition(":")[0] in CODECS


def parse(name: str) -> CodecName:
    """Take the name of a codec of the library apart.

    Raises:
        ValueError: there is none of that name, or its parameter is wrong.
    """
    text = name.removesuffix(FEEDBACK)
    kind, *rest = text.split(":")
    if kind not in CODECS:
        raise ValueError(unknown_name("codec", kind, CODECS))
    read, example = _PARAMETERS.get(kind, (None, ""))
    stochastic = kind == "fixed-point" and rest[1:] == [STOCHASTIC]
    if stochastic:
        del rest[1]
    if read is None:
        if rest:
            raise ValueError(f"codec {kind!r} takes no parameter, found {name!r}")
        if kind == "identity" and name != kind:
            raise ValueError("codec 'identity' loses nothing: leave '+feedback' out")
        return CodecName(kind, feedback=name.endswith(FEEDBACK))
    if len(rest) != 1:
        raise ValueError(f"codec {kind!r} takes one parameter, such as {example!r}, found {name!r}")
    try:
        parameter = read(rest[0])
    except ValueError as error:
        raise ValueError(f"codec {name!r}: {error}, such as {example!r}") from None
    return CodecName(kind, parameter, stochastic, name.endswith(FEEDBACK))


def _whole(*allowed: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdecimal() or int(text) not in allowed:
            known = ", ".join(map(str, allowed))
            raise ValueError(f"{text!r} must be one of {known}")
        return int(text)

    return read


def _rank(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= 64:
        raise ValueError(f"{text!r} must be a whole number from 1 to 64")
    return int(text)


def _share(text: str) -> Fraction:
    try:
        share = Fraction(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except (ValueError, ZeroDivisionError):
        share = Fraction(0)
    if not 0 < share <= 1:
        raise ValueError(f"{text!r} must be a share over 0 % and at most 100 %")
    return share


EXAMPLES: tuple[str, ...] = (
    "identity", "float16", "bfloat16", "fixed-point:8", "fixed-point:16",
    "fixed-point:8:stochastic", "top-k:1%", "top-k:1%+feedback", "codebook:8", "sign",
    "sign+feedback", "low-rank:4",
)  # fmt: skip
"""Names that are right."""

_PARAMETERS: Mapping[str, tuple[Callable[[str], int | Fraction], str]] = {
    "fixed-point": (_whole(8, 16), "fixed-point:8"),
    "top-k": (_share, "top-k:1%"),
    "codebook": (_whole(*range(1, 9)), "codebook:8"),
    "low-rank": (_rank, "low-rank:4"),
}
