"""How the scale of a run is settled, on machines that are not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulation.limits.caps import MachineCapacity
from orchestrator.errors import MachineError, RunError
from orchestrator.session.scale.cache import CalibrationCache
from orchestrator.session.scale.calibration import (
    CANDIDATES,
    LEAST_IDLE,
    Attempt,
    Chosen,
    Next,
    NoScaleFits,
    ScaleQuery,
    by_rates,
    decide,
)
from orchestrator.session.scale.choose import Settled, forecast_scale, scale_query, settle_scale
from orchestrator.session.scale.task import Task, dump_attempts
from orchestrator.spec import AutoScale, Overrides, Scale, load_experiment
from tests.unit.session.attempts import attempt

PUBLISHED = Path(__file__).parents[4] / "experiments/published.yaml"
BRIDGE = "linux-bridge"
ROOM = MachineCapacity((0, 1), 64 * 2**30)


@dataclass
class FakeMachine:
    """Carries what its attempts say; counts how often it was asked."""

    attempts: dict[float, Attempt]
    fails_at: float | None = None
    asked: list[float] = field(default_factory=list)

    def measure(self, task: Task) -> None:
        assert Task.from_json(task.to_json()) == task
        known, made = by_rates(task.known), []
        while isinstance(step := decide(task.scale_query, known), Next):
            self.asked.append(step.rates)
            if step.rates == self.fails_at:
                raise RunError("worker1 was killed")
            known[step.rates] = self.attempts[step.rates]
            made.append(known[step.rates])
            task.attempts.write_text(dump_attempts(made))


@dataclass
class Bench:
    cache: CalibrationCache
    lines: list[str] = field(default_factory=list)
    capacity: MachineCapacity = ROOM

    def settle(
        self,
        machine: FakeMachine,
        scale: str,
        *,
        force: bool = False,
        recalibrate: bool = False,
        refuted: Mapping[str, Any] | None = None,
    ) -> Settled:
        experiment = load_experiment(PUBLISHED, Overrides(scale=scale, switch=BRIDGE))
        return settle_scale(
            experiment,
            BRIDGE,
            self.capacity,
            self.lines.append,
            recalibrate=recalibrate,
            force=force,
            refuted=refuted,
            measure=machine.measure,
            cache=self.cache,
        )


def machine(*attempts: Attempt) -> FakeMachine:
    return FakeMachine(by_rates(attempts))


def forced(settled: Settled) -> dict[str, str] | None:
    forced_record: dict[str, str] | None = settled.record["forced"]
    return forced_record


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(CalibrationCache(tmp_path))


def rates(settled: Settled) -> Sequence[float]:
    return [one["rates"] for one in settled.record["attempts"]]


def test_auto_takes_the_smallest_and_remembers_it(bench: Bench) -> None:
    slow = machine(attempt(1, pull=0.5), attempt(2, idle=0.1), attempt(4), attempt(8))
    settled = bench.settle(slow, "auto,0.5")
    assert settled.scale == Scale(4, 0.5)
    assert rates(settled) == [1, 2, 4]
    assert slow.asked == [1, 2, 4]
    again = bench.settle(slow, "auto,0.5")
    assert slow.asked == [1, 2, 4]
    assert again == replace(settled, record={**settled.record, "remembered": True})
    figures = "scale auto: R = 4 on linux-bridge: 98 % of 250 Mbit/s both ways, 50 % idle"
    assert bench.lines == [
        "calibrating what this machine carries of ps-10g-1g-3workers on linux-bridge",
        f"{figures} (calibrated now)",
        f"{figures} (remembered from 2025-11-21 01:02 UTC)",
    ]
    assert forced(settled) is None


def test_links_that_any_machine_carries_are_not_calibrated(bench: Bench) -> None:
    settled = bench.settle(machine(), "50000,0.5")
    why = settled.record["not_needed"]
    assert why.endswith("full frames a second, and any machine 2000")
    assert bench.lines == [f"scale R=50000, D=0.5: no calibration is needed: {why}"]
    assert (rates(settled), forced(settled)) == ([], None)
    assert settled.scale == Scale(50_000, 0.5)


def test_recalibrating_forgets(bench: Bench) -> None:
    bench.settle(machine(attempt(1, pull=0.5), attempt(2)), "auto,0.5")
    quicker = machine(attempt(1))
    assert bench.settle(quicker, "auto,0.5", recalibrate=True).scale == Scale(1, 0.5)
    assert bench.settle(machine(), "auto,0.5").scale == Scale(1, 0.5)


def test_what_was_refuted_is_forgotten_and_measured_anew_and_told(bench: Bench) -> None:
    bench.settle(machine(attempt(1, pull=0.5), attempt(2)), "auto,0.5")
    refuted = bench.settle(machine(), "auto,0.5").record
    assert refuted["remembered"]
    slower = machine(attempt(1, pull=0.5), attempt(2, pull=0.8), attempt(4))
    settled = bench.settle(slower, "auto,0.5", refuted=refuted)
    assert slower.asked == [1, 2, 4]
    assert settled.scale == Scale(4, 0.5)
    assert (settled.record["remembered"], settled.record["refuted"]) == (False, refuted)
    assert bench.settle(machine(), "auto,0.5").scale == Scale(4, 0.5)


def test_a_scale_by_hand_is_not_refuted_by_what_is_remembered(bench: Bench) -> None:
    fine = machine(attempt(3))
    assert not any(bench.settle(fine, "3,0.5").record["remembered"] for _ in range(2))


def test_a_scale_by_hand_is_checked_once(bench: Bench) -> None:
    fine = machine(attempt(3, idle=0.1, bps=3 * 10**9))
    for _ in range(2):
        assert bench.settle(fine, "3,0.5").scale == Scale(3, 0.5)
    assert fine.asked == [3]
    assert bench.lines[1:] == [
        "scale R=3, D=0.5 on linux-bridge: 98 % of 1 Gbit/s both ways, 10 % idle (checked now)",
        "scale R=3, D=0.5 on linux-bridge: 98 % of 1 Gbit/s both ways, 10 % idle"
        " (remembered from 2025-11-21 01:02 UTC)",
    ]


def test_what_auto_found_out_is_not_checked_again(bench: Bench) -> None:
    bench.settle(machine(attempt(1, pull=0.5), attempt(2)), "auto,0.5")
    assert bench.settle(machine(), "2,0.5").scale == Scale(2, 0.5)


def test_a_scale_that_is_not_carried_is_refused_and_looked_at_again(bench: Bench) -> None:
    slow = machine(attempt(1, pull=0.07, push=0.08, idle=0.02, bps=400 * 10**9))
    with pytest.raises(MachineError) as refused:
        bench.settle(slow, "1,0.5")
    assert refused.value.exit_code == 3
    assert str(refused.value) == (
        "this machine does not carry R=1, D=0.5 on linux-bridge: 7 % of 400 Gbit/s both ways, "
        "2 % idle; rate 7 % of the 95 % needed, idle time 2 % of the 5 % needed "
        "(--scale auto, a larger R, or --force to run it and have its figures marked)"
    )
    assert bench.settle(machine(attempt(1)), "1,0.5").scale == Scale(1, 0.5)


def test_what_others_may_have_caused_is_not_the_machine(bench: Bench) -> None:
    busy = attempt(1, pull=0.5, push=0.5, disturbed="other programs used 1.5 of 2 cores", taken=0.8)
    with pytest.raises(
        MachineError, match=r"cannot be seen .* \(run it again when they have ended"
    ):
        bench.settle(machine(busy), "1,0.5")


@pytest.mark.parametrize(
    ("failed", "level", "short"),
    [
        (attempt(1, push=0.5), "unusable", "rate 50 % of the 95 % needed"),
        (attempt(1, first=0.4), "unusable", "priority 40 % of the 90 % needed"),
        (attempt(1, idle=0.01), "doubtful", "idle time 1 % of the 5 % needed"),
    ],
)
def test_force_marks_what_is_not_carried(
    bench: Bench, failed: Attempt, level: str, short: str
) -> None:
    slow = machine(failed)
    for _ in range(2):  # remembered, too: nothing hangs on a second look
        mark = forced(bench.settle(slow, "1,0.5", force=True))
        assert mark is not None
        assert mark["level"] == level
        assert mark["reason"] == f"forced scale: {failed.figures()}; {short}"
    assert slow.asked == [1]


def test_what_failed_while_others_had_the_cpus_is_not_remembered(bench: Bench) -> None:
    spoilt = machine(attempt(1, idle=0.1, disturbed="others"), attempt(2, disturbed="others"))
    assert bench.settle(spoilt, "auto,0.5").scale == Scale(2, 0.5)
    quiet = machine(attempt(1))
    assert bench.settle(quiet, "auto,0.5").scale == Scale(1, 0.5)


def test_force_marks_nothing_that_is_carried(bench: Bench) -> None:
    assert forced(bench.settle(machine(attempt(1)), "1,0.5", force=True)) is None


def test_auto_where_nothing_is_carried(bench: Bench) -> None:
    slow = machine(*(attempt(r, idle=0.1) for r in CANDIDATES))
    with pytest.raises(MachineError) as refused:
        bench.settle(slow, "auto,0.25", force=True)
    assert str(refused.value).startswith(
        "this machine carries no scale of ps-10g-1g-3workers on linux-bridge: "
        "R = 1: 98 % of 1 Gbit/s both ways, 10 % idle; R = 2: "
    )
    assert "; R = 1024: 98 % of 976.6 kbit/s both ways, 10 % idle" in str(refused.value)


def test_a_host_larger_than_the_machine_is_refused_before_anything_is_measured(
    bench: Bench,
) -> None:
    small = machine()
    bench.capacity = replace(ROOM, memory_bytes=7 * 2**30)
    with pytest.raises(MachineError, match=r"^host ps asks for 16 GiB of memory, 8.1 GiB at this"):
        bench.settle(small, "1,0.5", force=True)
    assert (small.asked, bench.lines) == ([], [])
    assert bench.settle(machine(attempt(2)), "auto,0.5").scale == Scale(2, 0.5)


def test_attempts_before_a_failure_are_remembered(bench: Bench) -> None:
    breaks = FakeMachine(by_rates([attempt(1, pull=0.5)]), fails_at=2)
    with pytest.raises(RunError, match="worker1 was killed"):
        bench.settle(breaks, "auto,0.5")
    works = machine(attempt(2))
    assert bench.settle(works, "auto,0.5").scale == Scale(2, 0.5)
    assert works.asked == [2]


def test_a_cache_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    bench = Bench(CalibrationCache(tmp_path / "file" / "cache"))
    assert bench.settle(machine(attempt(1)), "auto,0.5").scale == Scale(1, 0.5)
    assert bench.lines[1] == (
        f"{tmp_path}/file/cache: the calibration is not remembered: Not a directory"
    )


def test_with_programs_d_follows_r_as_far_as_it_may(bench: Bench) -> None:
    asked = replace(load_experiment(PUBLISHED), asked_scale=AutoScale(None))
    query = scale_query(asked, ROOM)
    assert query.rates[-1] == 512
    assert query.scale(8) == Scale(8, 8)
    foreseen = forecast_scale(asked, BRIDGE, ROOM, bench.cache)
    assert foreseen.scale == Scale(1, 1)
    slow = machine(attempt(1, pull=0.5), attempt(2))
    settled = settle_scale(
        asked, BRIDGE, ROOM, bench.lines.append, measure=slow.measure, cache=bench.cache
    )
    assert settled.scale == Scale(2, 2)


def test_what_plan_foresees(bench: Bench) -> None:
    auto = load_experiment(PUBLISHED, Overrides(switch="linux-bridge"))
    assert auto.asked_scale == AutoScale(0.3)
    by_hand = load_experiment(PUBLISHED, Overrides(scale="8,0.3", switch="linux-bridge"))
    foreseen = forecast_scale(auto, BRIDGE, ROOM, bench.cache)
    assert (foreseen.scale, foreseen.assumed) == (Scale(1, 0.3), True)
    assert foreseen.why == "R auto: R = 1 assumed, not calibrated on this machine yet"
    assert (
        forecast_scale(by_hand, BRIDGE, ROOM, bench.cache).why == "not checked on this machine yet"
    )
    bench.settle(machine(attempt(1, pull=0.5), attempt(2)), "auto,0.3")
    foreseen = forecast_scale(auto, BRIDGE, ROOM, bench.cache)
    assert (foreseen.scale, foreseen.assumed) == (Scale(2, 0.3), False)
    assert foreseen.why == (
        "R auto: R = 2, 98 % of 500 Mbit/s both ways, 50 % idle, "
        "remembered from 2025-11-21 01:02 UTC"
    )


def test_a_scale_given_by_hand_is_held_against_less_idle_time() -> None:
    asked = scale_query(load_experiment(PUBLISHED, Overrides(scale="3,0.5")), ROOM)
    assert asked == ScaleQuery((3.0,), 0.5, LEAST_IDLE)
    busy = attempt(3, idle=0.06)
    assert decide(asked, {3.0: busy}) == Chosen(busy)
    assert isinstance(decide(asked, {3.0: attempt(3, idle=0.04)}), NoScaleFits)


@pytest.mark.parametrize(
    ("scale", "rates"),
    [
        ("auto", CANDIDATES[2:]),
        ("auto,0.25", CANDIDATES),
        # 16 GiB x 1000 fit nowhere: what is refused then is the largest.
        ("auto,1000", CANDIDATES[-1:]),
    ],
)
def test_where_a_host_outgrows_the_machine_is_no_candidate(
    scale: str, rates: tuple[float, ...]
) -> None:
    small = replace(ROOM, memory_bytes=5 * 2**30)
    assert scale_query(load_experiment(PUBLISHED, Overrides(scale=scale)), small).rates == rates
    assert scale_query(load_experiment(PUBLISHED, Overrides(scale="1,1")), small).rates == (1,)
