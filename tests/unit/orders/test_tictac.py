"""TIC and TAC: by hand, on the shipped models, and against the rules written down naively."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.orders.tictac import tac_order, tic_order
from workloads.models.devices import known_devices
from workloads.models.profiles import Graph, Layer, Model, Tensor, load_model, model_names


def model(*tensors: int) -> Model:
    """A model whose layers have these numbers of tensors."""
    layers = tuple(
        Layer(str(layer), 0, tuple(Tensor(f"{layer}.{number}", (1,)) for number in range(count)))
        for layer, count in enumerate(tensors)
    )
    return Model("x", "", layers)


def chain(layers: int) -> Graph:
    return tuple((layer - 1,) if layer else () for layer in range(layers))


# A stem, a branch of two layers, a branch of one, and a layer that needs both branches.
FORK: Graph = ((), (0,), (1,), (0,), (2, 3))


@dataclass(frozen=True)
class Case:
    """A model, its graph, and times in whole seconds."""

    model: Model
    graph: Graph
    transfer: list[int]
    compute: list[int]

    @property
    def receives(self) -> list[set[int]]:
        """What each op waits for."""
        numbers = itertools.count()
        of_each: list[set[int]] = []
        for layer, needed in zip(self.model.layers, self.graph, strict=True):
            own = {next(numbers) for _ in layer.tensors}
            of_each.append(own.union(*(of_each[before] for before in needed)))
        return of_each


@st.composite
def cases(draw: st.DrawFn) -> Case:
    counts = draw(st.lists(st.integers(1, 3), min_size=1, max_size=8))
    graph = tuple(
        tuple(sorted(draw(st.sets(st.integers(0, layer - 1), max_size=3)))) if layer else ()
        for layer in range(len(counts))
    )
    few = st.integers(0, 4)  # so that many are equal
    return Case(
        model(*counts),
        graph,
        draw(st.lists(few, min_size=sum(counts), max_size=sum(counts))),
        draw(st.lists(few, min_size=len(counts), max_size=len(counts))),
    )


def properties(
    case: Case, outstanding: list[int], transfer: Sequence[int], compute: Sequence[int]
) -> dict[int, tuple[int, int, float]]:
    """M, P and M+ of each outstanding receive, as published."""
    unlocked = dict.fromkeys(outstanding, 0)
    waits = dict.fromkeys(outstanding, math.inf)
    for op, receives in enumerate(case.receives):
        pending = receives & set(outstanding)
        if len(pending) == 1:
            unlocked[min(pending)] += compute[op]
        for receive in pending if len(pending) > 1 else ():
            waits[receive] = min(waits[receive], sum(transfer[each] for each in pending))
    return {each: (transfer[each], unlocked[each], waits[each]) for each in outstanding}


def comes_before(a: tuple[int, int, float], b: tuple[int, int, float]) -> bool:
    left, right = min(b[1], a[0]), min(a[1], b[0])
    return left < right or (left == right and a[2] < b[2])


@given(cases())
def test_tic_is_the_published_rule(case: Case) -> None:
    tensors = list(range(len(case.transfer)))
    waits = properties(case, tensors, [1] * len(tensors), [0] * len(case.compute))
    assert tic_order(case.model, case.graph) == tuple(sorted(tensors, key=lambda x: waits[x][2]))


@given(cases())
def test_tac_is_the_published_rule(case: Case) -> None:
    outstanding = list(range(len(case.transfer)))
    expected = []
    while outstanding:
        of_each = properties(case, outstanding, case.transfer, case.compute)
        first = outstanding[0]
        for each in outstanding:
            if comes_before(of_each[each], of_each[first]):
                first = each
        expected.append(first)
        outstanding.remove(first)
    assert tac_order(case.model, case.graph, case.transfer, case.compute) == tuple(expected)


@given(cases())
def test_tac_takes_the_receive_that_comes_before_all_others(case: Case) -> None:
    """Where there is one, it does not matter how one looks for the first."""
    outstanding = list(range(len(case.transfer)))
    for first in tac_order(case.model, case.graph, case.transfer, case.compute):
        of_each = properties(case, outstanding, case.transfer, case.compute)
        best = [
            a
            for a in outstanding
            if all(comes_before(of_each[a], of_each[b]) for b in of_each if a != b)
        ]
        assert not best or best == [first]
        outstanding.remove(first)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=8), st.data())
def test_a_chain_comes_in_layer_order(counts: list[int], data: st.DataObject) -> None:
    tensors = sum(counts)
    seconds = st.floats(1e-9, 10)
    transfer = data.draw(st.lists(seconds, min_size=tensors, max_size=tensors))
    compute = data.draw(st.lists(seconds, min_size=len(counts), max_size=len(counts)))
    layer_of = [layer for layer, count in enumerate(counts) for _ in range(count)]
    graph = chain(len(counts))
    assert tic_order(model(*counts), graph) == tuple(range(tensors))
    order = tac_order(model(*counts), graph, transfer, compute)
    assert [layer_of[tensor] for tensor in order] == layer_of


def test_tic_of_two_branches_by_hand() -> None:
    # Ops wait for {0}, {0 1}, {0 1 2}, {0 3} and all five: M+ is 2, 2, 3, 2, 5.
    assert tic_order(model(1, 1, 1, 1, 1), FORK) == (0, 1, 3, 2, 4)
    # With two tensors per layer 2, 4, 6, 4, 10, each for both tensors.
    assert tic_order(model(2, 2, 2, 2, 2), FORK) == (0, 1, 2, 3, 6, 7, 4, 5, 8, 9)
    # Of three and one in the branches: ops wait for 1, 4, 5, 2 and 7, so M+ is 2, 4, 5, 2, 7.
    assert tic_order(model(1, 3, 1, 1, 1), FORK) == (0, 5, 1, 2, 3, 4, 6)


def test_a_receive_that_no_other_waits_with_comes_last_in_tic() -> None:
    # Layer 0 feeds nothing that has a tensor: its M+ is infinite.
    assert tic_order(model(1, 1, 1), ((), (), (1,))) == (1, 2, 0)


def test_tac_of_two_receives_by_hand() -> None:
    """Two ops of one receive each: the order in which compute hides more of the transfer."""
    graph: Graph = ((), ())
    # min(P_B, M_A) = min(5, 4) = 4, min(P_A, M_B) = min(1, 1) = 1: B first.
    assert tac_order(model(1, 1), graph, [4, 1], [1, 5]) == (1, 0)
    # min(1, 1) = 1 < min(5, 4) = 4: A first.
    assert tac_order(model(1, 1), graph, [1, 4], [5, 1]) == (0, 1)
    # min(2, 2) = min(2, 3), no op waits for both: equal, forward order.
    assert tac_order(model(1, 1), graph, [2, 3], [2, 2]) == (0, 1)


def test_tac_of_receives_that_unlock_nothing_alone() -> None:
    """P is 0 everywhere: M+, which is 7 for the first layer and 4 for the second."""
    assert tac_order(model(2, 2), ((), ()), [3, 4, 1, 3], [9, 1]) == (2, 3, 0, 1)


def test_tac_of_two_branches_by_hand() -> None:
    # Stem; then tensors 1 and 3 compete: min(P_3, M_1) = min(5, 4) = 4, min(P_1, M_3) = 1: 3 first.
    # Then 1 (P = 1) against 2 and 4 (P = 0), then 2 against 4 in the same way.
    assert tac_order(model(1, 1, 1, 1, 1), FORK, [1, 4, 2, 1, 1], [1, 1, 1, 5, 1]) == (
        (0, 3, 1, 2, 4)
    )
    # With a slow branch of one, min(P_3, M_1) = 1 < min(P_1, M_3) = 3: 1, whose successor 2 then
    # has min(P_3, M_2) = 1 < min(P_2, M_3) = 3 and is second.
    assert tac_order(model(1, 1, 1, 1, 1), FORK, [1, 1, 1, 9, 1], [1, 3, 3, 1, 1]) == (
        (0, 1, 2, 3, 4)
    )


def test_tac_computes_its_properties_again_after_each_pick() -> None:
    # At first only the stem unlocks anything, and M+ (2, 2, 3, 4, 7) is forward order. After it 3
    # does: min(P_3, M_1) = 1, min(P_1, M_3) = 0. Then P_1 = 0 and M+ decides; then P_2 = 1.
    assert tac_order(model(1, 1, 1, 1, 1), FORK, [1, 1, 1, 3, 1], [1, 0, 1, 9, 1]) == (
        (0, 3, 1, 2, 4)
    )


@pytest.mark.parametrize("name", model_names())
def test_orders_of_the_shipped_models(name: str) -> None:
    trained, graph = load_model(name), load_model(name).graph
    device = known_devices()["published-worker-6-cores-2GHz"]
    transfer = [4 * tensor.elements / 119.5e6 for tensor in trained.tensors]
    compute = [device.forward_seconds(layer, 1) for layer in trained.layers]
    tensors = list(range(len(trained.tensors)))
    assert sorted(tic_order(trained, graph)) == tensors
    assert sorted(tac_order(trained, graph, transfer, compute)) == tensors


def test_a_module_comes_breadth_first_in_tic() -> None:
    trained = load_model("googlenet")
    names = [trained.tensors[tensor].name for tensor in tic_order(trained, trained.graph)]
    module = [name for name in names if name.startswith("3a.") and name.endswith(".w")]
    assert module == [f"3a.{part}.w" for part in ("1x1", "3r", "5r", "pp", "3", "5")]


def test_sums_of_times_are_exact() -> None:
    # In floating point 0.1 + 0.2 > 0.3, and the second layer would come first.
    assert tac_order(model(2, 2), ((), ()), [0.1, 0.2, 0.15, 0.15], [1, 1]) == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("graph", "transfer", "compute", "message"),
    [
        (((),), [1, 1], [1, 1], "x: a graph of 1 layers for 2 layers"),
        (((1,), ()), [1, 1], [1, 1], "x: layer 0 needs layer 1, which is not before it"),
        (((), (-1,)), [1, 1], [1, 1], "x: layer 1 needs layer -1, which is not before it"),
        (((), (0,)), [1], [1, 1], "1 transfer times, 2 needed"),
        (((), (0,)), [1, 1], [1, 1, 1], "3 compute times, 2 needed"),
        (((), (0,)), [1, -1], [1, 1], "a transfer time is negative or not finite"),
        (((), (0,)), [1, 1], [1, math.nan], "a compute time is negative or not finite"),
        (((), (0,)), [5e6, 5e6], [1, 1], "the transfer times' sum is not below 9e+06 seconds"),
    ],
)
def test_what_does_not_fit_is_refused(
    graph: Graph, transfer: list[float], compute: list[float], message: str
) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole message is compared
        tac_order(model(1, 1), graph, transfer, compute)
    assert str(refused.value) == message
