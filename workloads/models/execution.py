"""How long work takes on a device, by a tree of linear models that was learnt from measured times.

Work is what a layer does for a batch: multiply-accumulates, and bytes in, out and of parameters. A
device has two trees per kind of layer, forward and backward. A tree asks for features of the work,
one after the other, until it comes to a leaf: a constant and a time per unit of each quantity, none
of them negative. The idea is that of FastDeepIoT (Yao et al., SenSys 2018). A tree is plain data,
as a file has it:

    {"if": "macs_per_output", "at_most": 96, "then": LEAF OR TREE, "else": LEAF OR TREE}
    {"seconds": 2e-5, "seconds_per_gmac": 0.012, "seconds_per_megabyte_out": 4e-4}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, TypeAlias

from workloads.models.profiles import BYTES_PER_ELEMENT, KINDS

OTHER = "other"
"""A kind that also stands for those that a device has no trees of."""

PASSES = ("forward", "backward")

TERMS = (
    "seconds",
    "seconds_per_gmac",
    "seconds_per_megabyte_in",
    "seconds_per_megabyte_out",
    "seconds_per_megabyte_of_parameters",
)
"""What a leaf may have; what it leaves out is 0."""

FEATURES = (
    "macs",
    "bytes_in",
    "bytes_out",
    "bytes_of_parameters",
    "macs_per_output",
    "macs_per_input",
    "macs_per_parameter",
    "outputs_per_input",
    "bytes",
    "channels_in",
    "channels_out",
)
"""What a split may ask for."""

Tree: TypeAlias = Mapping[str, Any]
Trees: TypeAlias = Mapping[str, Mapping[str, Tree]]
"""By kind of layer, and by pass."""


@dataclass(frozen=True)
class Work:
    """What is to be done in one pass, for a whole batch.

    Attributes:
        kind: of the layer.
        macs: multiply-accumulates of the forward pass.
        bytes_in: of its input, as float32.
        bytes_out: of its output, as float32.
        bytes_of_parameters: that it reads, as float32.
    """

    kind: str
    macs: float
    bytes_in: float
    bytes_out: float
    bytes_of_parameters: float

    @property
    def quantities(self) -> tuple[float, ...]:
        """What the terms of a leaf are multiplied with, in the order of `TERMS`."""
        of_bytes = (self.bytes_in, self.bytes_out, self.bytes_of_parameters)
        return (1.0, self.macs / 1e9, *(count / 1e6 for count in of_bytes))

    @property
    def features(self) -> dict[str, float]:
        """By name, in the order of `FEATURES`.

        Of a convolution, multiply-accumulates per output are how many values each output is a sum
        of, and per parameter how many places each weight is used at (images included). Values
        read and written at each such place are its channels, as good as; what multiplies nothing
        has none.
        """
        macs, into, out, own = self.macs, self.bytes_in, self.bytes_out, self.bytes_of_parameters
        places = BYTES_PER_ELEMENT**2 * macs
        values = (
            macs,
            into,
            out,
            own,
            BYTES_PER_ELEMENT * macs / max(out, BYTES_PER_ELEMENT),
            BYTES_PER_ELEMENT * macs / max(into, BYTES_PER_ELEMENT),
            BYTES_PER_ELEMENT * macs / max(own, BYTES_PER_ELEMENT),
            out / max(into, BYTES_PER_ELEMENT),
            into + out + own,
            into * own / places if places else 0.0,
            out * own / places if places else 0.0,
        )
        return dict(zip(FEATURES, values, strict=True))


def leaf_of(tree: Tree, features: Mapping[str, float]) -> Tree:
    """The leaf that work with these features comes to."""
    while "if" in tree:
        tree = tree["then"] if features[tree["if"]] <= tree["at_most"] else tree["else"]
    return tree


def leaves_of(tree: Tree) -> Iterator[Tree]:
    """All leaves of a tree, from the first `then` to the last `else`."""
    if "if" not in tree:
        yield tree
        return
    yield from leaves_of(tree["then"])
    yield from leaves_of(tree["else"])


def seconds_of(tree: Tree, work: Work) -> float:
    """How long that work takes by a tree, in seconds."""
    leaf = leaf_of(tree, work.features)
    pairs = zip(TERMS, work.quantities, strict=True)
    return float(sum(leaf.get(term, 0.0) * quantity for term, quantity in pairs))


class TreeError(ValueError):
    """A value is no tree.

    Attributes:
        place: keys on the way to what is wrong, from the kinds on.
        what: is wrong.
        hint: what would be right.
    """

    def __init__(self, place: tuple[str, ...], what: str, hint: str = "") -> None:
        super().__init__(f"{'.'.join(('kinds', *place))}: {what}" + (f" ({hint})" if hint else ""))
        self.place = place
        self.what = what
        self.hint = hint


def check_trees(value: Any) -> Trees:
    """Check that a value of a file is trees by kind and pass.

    Raises:
        TreeError: it is not.
    """
    _check(isinstance(value, dict), (), "must have kinds of layers")
    for kind, passes in value.items():
        _check(kind in KINDS, (kind,), "no kind of layer", ", ".join(KINDS))
        wanted = isinstance(passes, dict) and set(passes) == set(PASSES)
        _check(wanted, (kind,), "a kind has two trees", " and ".join(PASSES))
        for name, tree in passes.items():
            _check_tree(tree, (kind, name), depth=0)
    trees: Trees = value
    return trees


_DEEPEST = 20
_SPLIT = ("if", "at_most", "then", "else")


def _check_tree(tree: Any, place: tuple[str, ...], depth: int) -> None:
    _check(isinstance(tree, dict), place, "neither a split nor a leaf")
    _check(depth <= _DEEPEST, place, f"more than {_DEEPEST} splits, one below the other")
    if "if" not in tree:
        for term, seconds in tree.items():
            hint = f"a leaf has {', '.join(TERMS)}; a split has {', '.join(_SPLIT)}"
            _check(term in TERMS, (*place, term), "not a key of a leaf", hint)
            right = _is_number(seconds) and 0 <= seconds <= _MOST
            _check(right, (*place, term), "must be a number, at least 0")
        return
    _check(set(tree) == set(_SPLIT), place, "not the keys of a split", ", ".join(_SPLIT))
    _check(tree["if"] in FEATURES, (*place, "if"), "no feature of work", ", ".join(FEATURES))
    _check(_is_number(tree["at_most"]), (*place, "at_most"), "must be a number")
    for branch in _SPLIT[2:]:
        _check_tree(tree[branch], (*place, branch), depth + 1)


_MOST = 1e12


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _check(right: bool, place: tuple[str, ...], what: str, hint: str = "") -> None:
    if not right:
        raise TreeError(place, what, hint)
