"""What TCP's least timer must be, where queues are slow."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.emulation.network.description import (
    LEAST_TIMER_MS,
    MOST_TIMER_MS,
    NetworkDescription,
)
from orchestrator.spec import Scale, SocketBuffers, load_topology, queueing_seconds
from tests.unit.placed import exchange_of

TOPOLOGY = load_topology(Path(__file__).parents[4] / "topologies" / "ps-10g-1g-3workers.yaml")
BUFFERS = SocketBuffers(1 << 18, 1 << 18)


def described(rates: float, time: float = 1) -> NetworkDescription:
    return NetworkDescription(
        (exchange_of(TOPOLOGY).demands,), Scale(rates, time), "cubic", BUFFERS
    )


def test_fast_queues_leave_linux_its_own() -> None:
    assert described(1).timer_ms == LEAST_TIMER_MS


def test_slow_queues_are_waited_for() -> None:
    network = described(4096)
    longest = queueing_seconds(exchange_of(TOPOLOGY).demands, BUFFERS, network.scale)
    assert 1000 * longest == pytest.approx(network.timer_ms, abs=1)
    assert LEAST_TIMER_MS < network.timer_ms < MOST_TIMER_MS


def test_linux_has_a_longest() -> None:
    assert described(10**6, 1000).timer_ms == MOST_TIMER_MS


def test_another_scale_is_another_network() -> None:
    assert described(1).with_scale(Scale(4096, 1)) == described(4096)
