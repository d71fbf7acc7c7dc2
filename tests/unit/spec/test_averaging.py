"""Averaging in an experiment: what is refused, what is warned of, and what links then carry."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import InputError
from orchestrator.spec import Experiment, Overrides, load_experiment
from workloads.schedule.library import get_schedule

PUBLISHED = Path(__file__).parents[3] / "topologies/ps-10g-1g-3workers.yaml"
OWN = "custom_schedules:\n  mine: {averaging: elastic, every: 4, alpha: 0.3, beta: 0.9}\n"
RING = (
    "custom_schedules:\n  mine: {exchange: ring, averaging: local, every: 3, order: planned,"
    " place: host, synchronisation: per-tensor}\n"
)


def loaded(folder: Path, keys: str, overrides: Overrides | None = None) -> Experiment:
    file = folder / "e.yaml"
    file.write_text(
        f"name: e\ntopology: {PUBLISHED}\nmodels: [alexnet]\nschedules: [none, mine]\n{keys}"
    )
    return load_experiment(file, overrides)


def problem(folder: Path, keys: str, overrides: Overrides | None = None) -> str:
    with pytest.raises(InputError) as caught:
        loaded(folder, keys, overrides)
    (only,) = caught.value.problems
    return str(only).removeprefix(f"{folder}/")


def test_measured_iterations_are_whole_rounds(tmp_path: Path) -> None:
    why = "measured iterations, and mine exchanges once in 4: its figure would be of a part of a"
    assert problem(tmp_path, f"{OWN}iterations: 6\n") == (
        f"e.yaml:7:13: 6 {why} round (iterations: 8)"
    )
    assert problem(tmp_path, OWN).startswith(f"e.yaml:4:12: 5 {why}")
    asked = problem(tmp_path, f"{OWN}iterations: 8\n", Overrides(iterations=9))
    assert asked == f"e.yaml:4:12: 9 {why} round (--iterations 12)"
    assert loaded(tmp_path, OWN, Overrides(schedules=["none"])).iterations == 5


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    made = loaded(tmp_path, f"{OWN}iterations: 8\n")
    assert Experiment.from_resolved(made.to_json()).schedule("mine") == made.schedule("mine")
    assert made.schedule("mine").every == 4


@pytest.mark.parametrize(("alpha", "warned"), [(1.04, False), (1.05, True)])
def test_an_alpha_that_may_diverge_is_warned_of(tmp_path: Path, alpha: float, warned: bool) -> None:
    """The limit is (2 - 0.1)(2 - 0.9)/2 = 1.045."""
    keys = OWN.replace("0.3", str(alpha)) + "iterations: 8\nlearning_rate: 0.1\n"
    notes = [note for note in loaded(tmp_path, keys).notes if "diverges" in note]
    assert bool(notes) == warned
    if warned:
        assert notes[0].startswith("mine: alpha 1.05 is not below 1.04")


@pytest.mark.parametrize(("own", "every", "same"), [(OWN, 4, "none"), (RING, 3, "ring")])
def test_links_carry_a_part_in_an_iteration(
    tmp_path: Path, own: str, every: int, same: str
) -> None:
    made = loaded(tmp_path, f"{own}iterations: 12\n")
    whole = {demand.bytes for demand in made.demands(same, "alexnet")}
    each = {demand.bytes for demand in made.demands("mine", "alexnet")}
    assert each == {-(-size // every) for size in whole}


def test_checkpoints_lack_what_workers_have_of_their_own(tmp_path: Path) -> None:
    keys = f"{OWN}iterations: 8\ncompute: torch\nscale: {{rates: 1, time: 1}}\ncheckpoint: 2\n"
    assert "not with schedule mine: checkpoints lack its workers' own" in problem(tmp_path, keys)


def test_the_named_ones_are_the_published_ones() -> None:
    diloco, elastic = get_schedule("diloco"), get_schedule("elastic-sgd")
    outer = (diloco.every, diloco.outer_learning_rate, diloco.outer_momentum)
    assert outer == (500, 0.7, 0.9)
    assert elastic.alpha == pytest.approx((elastic.beta or 0) / 3)
    assert (elastic.every, elastic.beta) == (10, 0.9)
