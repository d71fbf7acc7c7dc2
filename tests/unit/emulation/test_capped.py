"""What a trial's record says of its hosts' caps."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from orchestrator.emulation.capped import CapsMeter
from orchestrator.emulation.caps import HostCaps, Limits
from orchestrator.emulation.cgroups import Usage

GIB = 2**30


class Readings:
    """A host whose counters grow with time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.oom_kills = 3  # of an earlier trial

    def clock(self) -> float:
        return self.now

    def usage(self) -> Mapping[str, Usage]:
        periods = round(self.now * 100)
        return {"ps": Usage(self.now / 2, periods, periods // 4, self.now / 8, GIB, self.oom_kills)}


def meter(readings: Readings, first: int, asked: int = GIB) -> CapsMeter:
    cap = HostCaps("ps", Limits(0.5, asked), Limits(0.5, GIB), Limits(0.5, GIB), ("not all of it",))
    return CapsMeter(
        [cap], readings.usage, {"ps": True}, first=first, last=first + 1, clock=readings.clock
    )


@pytest.mark.parametrize("warm_up", [0, 2])
def test_the_measured_iterations_are_apart_from_the_start(warm_up: int) -> None:
    readings = Readings()
    taken = meter(readings, first=warm_up)
    readings.now = 104.0
    taken.event({"event": "listening"})
    if warm_up:
        readings.now = 106.0
    for iteration in range(warm_up + 2):
        if iteration >= warm_up:
            readings.now += 4.0
        taken.event({"event": "iteration", "iteration": iteration})
    readings.now += 2.0
    record, killed = taken.finish()
    whole = readings.now - 100
    assert killed == []
    assert record["ps"] == {
        "asked": {"cores": 0.5, "memory_bytes": GIB, "cpuset": []},
        "enforced": {"cores": 0.5, "memory_bytes": GIB, "cpuset": []},
        "why_not": ["not all of it"],
        "cpu_seconds": whole / 2,
        "periods": whole * 100,
        "throttled_periods": whole * 25,
        "throttled_seconds": whole / 8,
        "memory_peak_bytes": GIB,
        "memory_peak_of": "trial",
        "oom_kills": 0,
        "measured": {
            "seconds": 8.0,
            "cpu_seconds": 4.0,
            "periods": 800,
            "throttled_periods": 200,
            "throttled_seconds": 1.0,
        },
    }


def test_a_trial_that_ended_early_has_no_measured_part() -> None:
    readings = Readings()
    taken = meter(readings, first=1)
    taken.event({"event": "iteration", "iteration": 0})
    record, _ = taken.finish()
    assert record["ps"]["measured"] is None


def test_a_kill_for_memory_names_host_and_cap() -> None:
    readings = Readings()
    taken, scaled = meter(readings, first=1), meter(readings, first=1, asked=16 * GIB)
    readings.oom_kills += 1
    record, killed = taken.finish()
    assert record["ps"]["oom_kills"] == 1
    assert killed == ["ps: killed for memory: its host's cap is 1 GiB"]
    assert scaled.finish()[1] == [
        "ps: killed for memory: its host's cap is 1 GiB (16 GiB at scale 1)"
    ]
