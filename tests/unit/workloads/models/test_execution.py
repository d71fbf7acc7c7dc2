"""Trees of linear models: what they answer, and what is no tree."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.models.execution import (
    FEATURES,
    PASSES,
    TERMS,
    TreeError,
    Work,
    check_trees,
    leaves_of,
    seconds_of,
)
from workloads.models.profiles import KINDS

AMOUNTS = st.floats(0, 1e12)
WORKS = st.builds(Work, st.sampled_from(KINDS), AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS)
LEAVES = st.dictionaries(st.sampled_from(TERMS), st.floats(0, 1e3))
TREES: st.SearchStrategy[dict[str, Any]] = st.recursive(
    LEAVES,
    lambda below: st.fixed_dictionaries(
        {
            "if": st.sampled_from(FEATURES),
            "at_most": st.floats(0, 1e12),
            "then": below,
            "else": below,
        }
    ),
    max_leaves=8,
)


def passes(tree: object) -> dict[str, object]:
    return dict.fromkeys(PASSES, tree)


@given(TREES, WORKS)
def test_no_work_takes_less_than_nothing(tree: dict[str, Any], work: Work) -> None:
    assert check_trees({work.kind: passes(tree)})
    assert seconds_of(tree, work) >= 0


@given(LEAVES, WORKS, st.tuples(*[st.floats(0, 1e9)] * 4))
def test_more_of_anything_takes_no_less_in_a_leaf(
    leaf: dict[str, float], work: Work, added: tuple[float, ...]
) -> None:
    macs, into, out, own = added
    more = Work(
        work.kind,
        work.macs + macs,
        work.bytes_in + into,
        work.bytes_out + out,
        work.bytes_of_parameters + own,
    )
    assert seconds_of(leaf, more) >= seconds_of(leaf, work)


def test_a_tree_asks_until_it_comes_to_a_leaf() -> None:
    work = Work("convolution", macs=9e9, bytes_in=4e6, bytes_out=2e6, bytes_of_parameters=1e6)
    leaf = {"seconds": 0.5, "seconds_per_gmac": 0.1, "seconds_per_megabyte_out": 1.0}
    inner = {"if": "outputs_per_input", "at_most": 0.5, "then": leaf, "else": {"seconds": 7.0}}
    tree = {"if": "macs_per_output", "at_most": 1000, "then": {"seconds": 9.0}, "else": inner}
    assert work.features["macs_per_output"] == 4 * 9e9 / 2e6
    assert seconds_of(tree, work) == pytest.approx(0.5 + 0.9 + 2.0)
    assert [*leaves_of(tree)] == [{"seconds": 9.0}, leaf, {"seconds": 7.0}]


def test_work_without_output_or_parameters_has_features() -> None:
    assert set(Work("attention", 5, 0, 0, 0).features) == set(FEATURES)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "kinds: must have kinds of layers"),
        ({"dens": passes({})}, "kinds.dens: no kind of layer"),
        ({"dense": {"forward": {}}}, "kinds.dense: a kind has two trees"),
        ({"dense": passes(3)}, "kinds.dense.forward: neither a split nor a leaf"),
        ({"dense": passes({"seconds": -1})}, "kinds.dense.forward.seconds: must be a number"),
        ({"dense": passes({"per_gmac": 1})}, "kinds.dense.forward.per_gmac: not a key of a leaf"),
        ({"dense": passes({"if": "macs"})}, "kinds.dense.forward: not the keys of a split"),
        (
            {"dense": passes({"if": "side", "at_most": 1, "then": {}, "else": {}})},
            "kinds.dense.forward.if: no feature of work",
        ),
        (
            {"dense": passes({"if": "macs", "at_most": True, "then": {}, "else": {}})},
            "kinds.dense.forward.at_most: must be a number",
        ),
        (
            {"dense": passes({"if": "macs", "at_most": 1, "then": {}, "else": {"seconds": "x"}})},
            "kinds.dense.forward.else.seconds: must be a number",
        ),
    ],
)
def test_what_is_no_tree_is_said_with_its_place(value: object, message: str) -> None:
    with pytest.raises(TreeError) as caught:
        check_trees(value)
    assert str(caught.value).startswith(message)


def test_what_multiplies_nothing_has_no_channels() -> None:
    features = Work("normalisation", 0, 4e6, 4e6, 512).features
    assert (features["channels_in"], features["channels_out"]) == (0.0, 0.0)
