"""How long looks at slow networks take, and when none is needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.session.plan.slow_links import (
    calibration_seconds,
    carried_anyway,
)
from orchestrator.session.plan.trials import run_seconds
from orchestrator.spec import Experiment, Overrides, Scale, load_experiment, queueing_seconds
from tests.unit.placed import exchange_of
from tests.unit.session.examples import look_of

ROOT = Path(__file__).parents[4]
STAR = (ROOT / "topologies/star.yaml").read_text()


def star(tmp_path: Path, rate: str) -> Experiment:
    """Four workers, each behind a link of that rate; the server has ten times as much."""
    text = STAR.replace("rate: 1 Gbps", f"rate: {rate}")
    assert text != STAR or rate == "1 Gbps"
    (tmp_path / "star.yaml").write_text(text)
    file = tmp_path / "on.yaml"
    file.write_text("{name: on, topology: star.yaml, models: [squeezenet], schedules: [none]}")
    return load_experiment(file, Overrides(scale="1,1"))


def draining(made: Experiment) -> float:
    return queueing_seconds(made.exchange.demands, made.socket_buffers, made.scale)


@pytest.mark.parametrize(
    ("rates", "needed"), [(1, True), (64, True), (1024, True), (100_000, False)]
)
def test_what_any_machine_carries_is_not_calibrated(
    tmp_path: Path, rates: float, needed: bool
) -> None:
    topology = star(tmp_path, "1 Gbps").topology
    why = carried_anyway(exchange_of(topology).demands, Scale(rates, 1))
    assert (why == "") is needed
    if not needed:
        assert "any machine 2000" in why


def test_fast_networks_are_looked_at_as_before() -> None:
    made = load_experiment(ROOT / "experiments/published.yaml", Overrides(scale="8,0.5"))
    look = look_of(made)
    assert (look.ramp, look.seconds, look.outlasts(0.0)) == (0.6, 1.0, False)
    assert calibration_seconds(made.exchange, made.scale) < 0.02
    assert draining(made) < 0.01


def test_slow_networks_are_looked_at_for_some_hundred_frames(tmp_path: Path) -> None:
    made = star(tmp_path, "64 kbps")
    frame = 8 * 1514 / 64_000
    look = look_of(made)
    assert look.seconds == pytest.approx(200 * frame)
    # 6 KiB asked for, of which the kernel keeps twice.
    assert draining(made) == pytest.approx(8 * 12_288 / 64_000)
    assert look.ramp == pytest.approx(2 * draining(made))
    assert look.outlasts(100.0)
    assert not look.outlasts(10 * look.total)


def test_a_run_is_planned_with_the_look_that_it_takes(tmp_path: Path) -> None:
    made = star(tmp_path, "64 kbps")
    one, five = (run_seconds(replace(made, repeats=n, iterations=1)) for n in (1, 5))
    assert not look_of(made).outlasts(one)
    trials = (five - one) / 4
    assert one == pytest.approx(8 + look_of(made).total + trials)
