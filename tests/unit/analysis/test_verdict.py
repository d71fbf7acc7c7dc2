"""Each rule of the verdict, at both sides of its limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.analysis import TrialMeasure, Verdict, judge_run, judge_trial, read_trial, worst
from orchestrator.analysis.measures.measure import measure
from orchestrator.analysis.verdict import judge_row
from orchestrator.records.network import CapsRecord
from orchestrator.spec import Choices, number_text
from tests.unit.analysis.fake_trial import SECOND, FakeTrial
from tests.unit.analysis.record_builder import caps_record
from workloads.process.process_records import CodingTime

OK = Verdict()


def capped(
    throttled: float, oom_kills: int = 0, cores: float | None = 0.5
) -> dict[str, CapsRecord]:
    """Caps of a server that was throttled for so many of 100 measured seconds."""
    own = caps_record(cores, throttled=throttled, seconds=100.0, oom_kills=oom_kills)
    return {"ps": own, "worker0": caps_record()}


def coded(share: float) -> CodingTime:
    """Coding that took the slowest worker so much of the trial's time longer than planned."""
    trial = FakeTrial()
    emulated = trial.workers * trial.batch / trial.imgs_per_sec * trial.time
    return CodingTime(SECOND, round(share * emulated * trial.all_iterations * SECOND))


def test_coding_that_this_machine_was_slow_with(tmp_path: Path) -> None:
    trial = FakeTrial(coding=coded(0.021))
    seconds = trial.workers * trial.batch / trial.imgs_per_sec
    made = measure(read_trial(trial.write(tmp_path)))
    assert made.coding_excess_seconds == pytest.approx(0.021 * seconds)
    assert made.coding_seconds == pytest.approx(1 / trial.time / trial.all_iterations)
    assert judge_trial(made).doubtful == (
        "coding took this machine longer than the device model says: "
        f"{number_text(0.021 * seconds, 2)} s an iteration",
    )


def test_steps_of_workers_own_that_were_late(tmp_path: Path) -> None:
    late = coded(0.021)
    counted = replace(late, iterations=FakeTrial().all_iterations // 2)
    for number, (steps, share) in enumerate(((late, 0.021), (counted, 0.042))):
        trial = FakeTrial(steps=steps)
        seconds = trial.workers * trial.batch / trial.imgs_per_sec
        made = measure(read_trial(trial.write(tmp_path / str(number))))
        assert made.steps_excess_seconds is not None
        assert made.steps_excess_seconds == pytest.approx(share * seconds, rel=0.1)
        assert judge_trial(made).doubtful == (
            "workers' own steps were late, for which a device takes no time: "
            f"{number_text(made.steps_excess_seconds, 2)} s an iteration",
        )


def judged_run(trials: Sequence[TrialMeasure]) -> tuple[Verdict, ...]:
    """Judge trials of which no bound is known."""
    return judge_run(trials, [None] * len(trials))


def judged(tmp_path: Path, trial: FakeTrial) -> Verdict:
    return judge_trial(measure(read_trial(trial.write(tmp_path))))


@pytest.mark.parametrize(
    "trial",
    [
        FakeTrial(),
        FakeTrial(payload=1000, management=4 * 512 * 1024),
        FakeTrial(payload=1000, workers=6, management=7 * 512 * 1024),
        FakeTrial(management=16_000_000),  # 1 % of 1.6 GB
        FakeTrial(idle=0.20),
        FakeTrial(others=0.45),
        FakeTrial(switch_cpu=[(0, 0.0), (10**12, 0.01)]),  # busy, but not at its end
        FakeTrial(input_drops=1000),
        FakeTrial(pull=[96, 100, 104]),
        FakeTrial(schedule="switch-priority", pull=[100, 1, 1]),  # unfair on purpose
        FakeTrial(retransmits_namespaces=5_500),  # 1,104,973 segments
        FakeTrial(slow={4: 1.45}),
        FakeTrial(drops=1000),
        FakeTrial(caps=capped(0.1)),
        FakeTrial(coding=coded(0.019)),
    ],
)
def test_within_the_limits(tmp_path: Path, trial: FakeTrial) -> None:
    assert judged(tmp_path, trial) == OK


@pytest.mark.parametrize(
    ("trial", "level", "reason"),
    [
        (
            FakeTrial(payload=1000, management=2_120_000),
            "unusable",
            "2.1 MB crossed the management network",
        ),
        (FakeTrial(management=16_100_000), "unusable", "16.1 MB crossed the management network"),
        (FakeTrial(idle=0.04), "unusable", "no idle CPU: 4 % on average"),
        (
            FakeTrial(kept_differs=["switch0-eth2: rate 1 Gbit/s asked, 999 Mbit/s kept"]),
            "unusable",
            "the kernel kept otherwise: switch0-eth2: rate 1 Gbit/s asked, 999 Mbit/s kept",
        ),
        (
            FakeTrial(congestion_controls=["cubic", "bbr"]),
            "unusable",
            "congestion control was bbr, not cubic",
        ),
        (
            FakeTrial(caps=capped(1.2)),
            "unusable",
            "ps was throttled for 1.2 % of the time, its cap is 0.5 core",
        ),
        (
            FakeTrial(caps=capped(250.0, cores=2)),  # summed over the CPUs
            "unusable",
            "ps was throttled for 100.0 % of the time, its cap is 2 cores",
        ),
        (
            FakeTrial(caps=capped(0.9)),
            "doubtful",
            "ps was throttled for 0.9 % of the time, its cap is 0.5 core",
        ),
        (
            FakeTrial(caps=capped(0, oom_kills=1)),
            "unusable",
            "ps: a process was killed for memory",
        ),
        (FakeTrial(congestion_controls=[]), "doubtful", "congestion control was not read back"),
        (FakeTrial(cpu=[]), "doubtful", "idle CPU was not recorded; measure more iterations"),
        (FakeTrial(idle=0.19), "doubtful", "little idle CPU: 19 % on average"),
        (FakeTrial(others=0.9), "doubtful", "other programs used 0.9 of 2 cores for 31 s"),
        (
            FakeTrial(input_drops=1100),
            "doubtful",
            "0.11 % of the packets dropped at switch0->switch1 (input)",
        ),
        (
            FakeTrial(pull=[100, 70, 70]),
            "doubtful",
            "unfair pulls: 29 % to 42 % of the bytes, 33 % is fair",
        ),
        (
            FakeTrial(push=[100, 100, 60]),
            "doubtful",
            "unfair pushes: 23 % to 38 % of the bytes, 33 % is fair",
        ),
        (
            FakeTrial(retransmits_namespaces=5_600),
            "doubtful",
            "0.51 % of the segments sent again",
        ),
        (FakeTrial(slow={4: 1.6}), "doubtful", "iteration 4 took 1.6 x the median"),
        (
            FakeTrial(drops=1100),
            "doubtful",
            "0.11 % of the packets dropped at switch0->switch1",
        ),
    ],
)
def test_beyond_a_limit(tmp_path: Path, trial: FakeTrial, level: str, reason: str) -> None:
    got = judged(tmp_path, trial)
    assert (got.level, got.reasons) == (level, (reason,))


def test_one_saturated_second_is_doubtful(tmp_path: Path) -> None:
    samples = [(second * SECOND, 0.04 if second == 18 else 0.6) for second in range(10, 22)]
    got = judged(tmp_path, FakeTrial(imgs_per_sec=3, time=1, cpu=samples))
    assert got == Verdict(doubtful=("worst second: 4 % idle CPU",))


def test_whose_the_cpu_was_is_named_where_none_was_left(tmp_path: Path) -> None:
    got = judged(tmp_path, FakeTrial(idle=0.04, others=1.0))
    assert got.level == "unusable"
    assert got.reasons == (
        "no idle CPU: 4 % on average",
        "other programs used 1.0 of 2 cores for 31 s",
    )


def test_worst_reason_decides_and_stands_first(tmp_path: Path) -> None:
    got = judged(tmp_path, FakeTrial(idle=0.01, drops=5000))
    assert got.level == "unusable"
    assert got.reasons[0].startswith("no idle CPU")
    assert got.reasons[1].endswith("dropped at switch0->switch1")


def test_schedules_must_end_with_the_same_parameters(tmp_path: Path) -> None:
    base = measure(read_trial(FakeTrial().write(tmp_path)))
    same = replace(base, index=1, choices=base.choices.under("switch-priority"))
    other_model = replace(
        base,
        index=2,
        choices=Choices(model="resnet50", schedule="none"),
        parameters_sha256="bb",
    )
    other_seed = replace(base, index=3, seed=2, parameters_sha256="cc")
    assert judged_run([base, same, other_model, other_seed]) == (OK, OK, OK, OK)
    differs = replace(same, parameters_sha256="dd")
    reason = "final parameters differ between trials of alexnet"
    bad = Verdict((reason,))
    assert judged_run([base, differs, other_model, other_seed]) == (bad, bad, OK, OK)


def test_workers_that_add_up_themselves_agree_with_each_other(tmp_path: Path) -> None:
    """In an order of the schedule's own: with itself, and with no other schedule."""
    base = measure(read_trial(FakeTrial().write(tmp_path)))
    ring = replace(base, choices=base.choices.under("ring"), sums="ring", parameters_sha256="dd")
    assert judged_run([base, ring, replace(ring, repeat=2)]) == (OK, OK, OK)
    bad = Verdict(("final parameters differ between trials of alexnet",))
    assert judged_run([base, ring, replace(ring, parameters_sha256="ee")]) == (OK, bad, bad)
    apart = judge_trial(replace(ring, agreed=False))
    assert apart.unusable == ("the workers ended with different parameters",)


def test_trainings_of_other_lengths_may_end_with_other_parameters(tmp_path: Path) -> None:
    one = measure(read_trial(FakeTrial(index=0).write(tmp_path)))
    longer = measure(read_trial(FakeTrial(index=1, cool_down=2, parameters="bb").write(tmp_path)))
    assert judged_run([one, longer]) == (OK, OK)


@pytest.mark.parametrize("bulk_synchronous", [True, False])
def test_nothing_is_faster_than_its_bound(tmp_path: Path, bulk_synchronous: bool) -> None:
    trial = measure(read_trial(FakeTrial(imgs_per_sec=0.5).write(tmp_path)))
    trial = replace(trial, bulk_synchronous=bulk_synchronous)
    above = Verdict(doubtful=("faster than its bound: 104 %",))
    # What a goodput can be measured to, half a percent, may be missing.
    assert judge_run([trial] * 3, [0.5 / 1.04, 0.5 / 1.004, 0.6]) == (above, OK, OK)
    assert judge_trial(trial) == OK


def test_row_takes_the_worst_and_names_the_repeats() -> None:
    doubtful, unusable = Verdict(doubtful=("a", "b")), Verdict(("c",), ("a",))
    row = judge_row([(0, doubtful), (1, OK), (2, unusable)])
    assert row.level == "unusable"
    assert row.judged == (
        ("unusable", "repeat 2: c"),
        ("doubtful", "repeat 0, 2: a"),
        ("doubtful", "repeat 0: b"),
    )
    assert judge_row([(0, doubtful), (1, doubtful)]) == doubtful


def test_worst_of_nothing_is_ok() -> None:
    assert worst([]) == "ok"
    assert worst(["doubtful", "ok"]) == "doubtful"


def test_asynchronous_trials_may_end_with_other_parameters(tmp_path: Path) -> None:
    one = measure(read_trial(FakeTrial(schedule="none", index=0).write(tmp_path)))
    two = measure(
        read_trial(FakeTrial(schedule="mine", index=1, parameters="b" * 64).write(tmp_path))
    )
    assert {verdict.level for verdict in judged_run([one, two])} == {"unusable"}
    two = replace(two, bulk_synchronous=False, staleness={0: 3, 2: 1})
    assert two.staleness_mean == 0.5
    assert {verdict.level for verdict in judged_run([one, two])} == {"ok"}


def test_records_that_are_fetched_are_no_training(tmp_path: Path) -> None:
    trial = measure(read_trial(FakeTrial(payload=10**6, management=5 * 10**6).write(tmp_path)))
    assert judge_trial(trial).reasons == ("5.0 MB crossed the management network",)
    assert judge_trial(replace(trial, records_bytes=3 * 10**6)) == OK


def test_code_that_is_shipped_is_no_training(tmp_path: Path) -> None:
    trial = measure(read_trial(FakeTrial(payload=10**6, management=5 * 10**6).write(tmp_path)))
    assert judge_trial(replace(trial, shipped_bytes=4 * 10**6)) == OK
    lean = replace(trial, management_bytes=2 * 10**6, shipped_bytes=10**5)
    assert judge_trial(lean).reasons == ("2.0 MB crossed the management network",)


def test_without_a_barrier_the_first_iteration_cannot_be_measured(tmp_path: Path) -> None:
    """As older versions ran it: the window begins with a release, and has one push too few."""
    done = [[second * SECOND for second in (11, 12, 13)]] * 3
    trial = FakeTrial(iterations=3, warm_up=0, cool_down=0, backward_done=done)
    got = judged(tmp_path, trial)
    assert got.level == "unusable"
    assert got.reasons[0] == "without warm-up and step barrier the measured time misses a push"
    one = FakeTrial(iterations=2, warm_up=1, cool_down=0, backward_done=done, repeat=1)
    assert judged(tmp_path, one) == OK
