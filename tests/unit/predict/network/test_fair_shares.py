"""Fair shares: small cases by hand."""

from __future__ import annotations

import pytest

from orchestrator.predict.network.fair_shares import FluidNetwork


def test_flows_share_a_port_equally_and_none_gets_what_others_leave() -> None:
    # All cross port 0 (9); the first one is held up at port 1 (1).
    network = FluidNetwork([9, 1], [[0, 1], [0], [0]], [0, 0, 0])
    assert network.rates(frozenset({0, 1, 2})) == pytest.approx({0: 1, 1: 4, 2: 4})
    assert network.rates(frozenset({0, 1})) == pytest.approx({0: 1, 1: 8})
    assert network.rates(frozenset()) == {}


def test_a_lower_class_gets_what_the_higher_ones_leave() -> None:
    network = FluidNetwork([9, 5], [[0, 1], [0], [0]], [0, 1, 2])
    assert network.rates(frozenset({0, 1, 2})) == pytest.approx({0: 5, 1: 4, 2: 0})
    assert network.rates(frozenset({1, 2})) == pytest.approx({1: 9, 2: 0})


def test_flows_without_a_port_in_common_do_not_meet() -> None:
    network = FluidNetwork([3, 4], [[0], [1]], [0, 1])
    assert network.rates(frozenset({0, 1})) == pytest.approx({0: 3, 1: 4})
