"""Measures of one trial, against numbers worked out by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from orchestrator.analysis import TrialMeasure, read_trial
from orchestrator.analysis.measures.machine.conditions import HostUse
from orchestrator.analysis.measures.measure import measure
from orchestrator.errors import RunError
from tests.unit.analysis.fake_trial import SECOND, FakeTrial
from tests.unit.analysis.record_builder import caps_record


def measured(tmp_path: Path, trial: FakeTrial) -> TrialMeasure:
    return measure(read_trial(trial.write(tmp_path)))


@pytest.mark.parametrize("stretch", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("batch", [1, 8])
def test_imgs_per_sec_is_of_the_real_system(tmp_path: Path, stretch: float, batch: int) -> None:
    got = measured(tmp_path, FakeTrial(imgs_per_sec=0.6, time=stretch, batch=batch))
    assert got.imgs_per_sec == pytest.approx(0.6)
    assert got.iteration_seconds == pytest.approx([3 * batch / 0.6] * 5)
    assert got.iteration_seconds_emulated == pytest.approx([3 * batch / 0.6 * stretch] * 5)


def test_without_a_barrier_iterations_end_with_the_slowest_backward_pass(tmp_path: Path) -> None:
    second = 10**9
    first = [20 * second, 24 * second, 28 * second, 34 * second]
    last = [21 * second, 23 * second, 29 * second, 33 * second]
    trial = FakeTrial(
        workers=2, iterations=3, warm_up=1, cool_down=0, time=0.5, backward_done=[first, last]
    )
    got = measured(tmp_path, trial)
    assert got.iteration_seconds_emulated == pytest.approx([3, 5, 5])
    assert got.iteration_seconds == pytest.approx([6, 10, 10])
    assert got.imgs_per_sec == pytest.approx(6 / 26)


def test_workers_with_paces_of_their_own_add_up(tmp_path: Path) -> None:
    """One of three is four times as slow: the figure is not three times the slow one's."""
    fast, slow = ([round(k * s * 10**9) for k in range(1, 17)] for s in (0.25, 1.0))
    trial = FakeTrial(
        workers=3, iterations=3, warm_up=1, cool_down=0, time=0.5, batch=2,
        backward_done=[fast, fast, slow[:4]], synchronisation="asynchronous",
    )  # fmt: skip
    got = measured(tmp_path, trial)
    assert got.imgs_per_sec == pytest.approx(2 * (4 + 4 + 1) * 0.5)
    assert got.iteration_seconds == pytest.approx([2, 2, 2])
    assert (got.lead, got.bulk_synchronous, got.barrier) == (math.inf, False, False)


def test_a_time_in_which_not_all_trained_is_not_measured(tmp_path: Path) -> None:
    """The fast worker has ended before the slow one is warm."""
    trial = FakeTrial(
        workers=2, iterations=2, warm_up=1, cool_down=0, synchronisation="asynchronous",
        backward_done=[[1, 2, 3], [5, 10, 15]],
    )  # fmt: skip
    with pytest.raises(RunError, match="no time in which all workers trained"):
        measured(tmp_path, trial)


@pytest.mark.parametrize("cool_down", [1, 2])
def test_without_a_barrier_the_window_ends_before_the_cool_down(
    tmp_path: Path, cool_down: int
) -> None:
    done = [20, 23, 28, 90, 190][: 3 + cool_down]
    trial = FakeTrial(
        workers=1, iterations=2, warm_up=1, cool_down=cool_down, time=1,
        backward_done=[[second * 10**9 for second in done]],
    )  # fmt: skip
    got = measured(tmp_path, trial)
    assert got.iteration_seconds == pytest.approx([3, 5])
    assert got.imgs_per_sec == pytest.approx(2 / 8)
    assert (got.warm_up, got.iterations, got.cool_down) == (1, 2, cool_down)


def test_shares_of_the_trunk_are_not_those_of_warm_up_and_cool_down(tmp_path: Path) -> None:
    place = FakeTrial(iterations=1, warm_up=1, cool_down=1, pull=[3, 3, 3]).write(tmp_path)
    lines = [json.loads(line) for line in (place / "ps.jsonl").read_text().splitlines()]
    for line in lines:
        if line["event"] == "iteration" and line["iteration"] != 1:
            line["pull_competing"] = {"seconds": 1.0, "bytes": [9, 0, 0]}
    (place / "ps.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    shares = measure(read_trial(place)).pull_shares
    assert shares is not None
    assert shares.by_worker == pytest.approx([1 / 3] * 3)


def test_without_a_barrier_or_a_warm_up_the_first_iteration_begins_at_the_start(
    tmp_path: Path,
) -> None:
    done = [[12 * 10**9, 13 * 10**9]]
    trial = FakeTrial(workers=1, iterations=1, warm_up=0, time=1, backward_done=done)
    assert measured(tmp_path, trial).iteration_seconds == pytest.approx([2.0])


def test_an_iteration_that_a_worker_did_not_record(tmp_path: Path) -> None:
    done = [[12 * 10**9, 13 * 10**9]]
    trial = FakeTrial(workers=1, iterations=2, warm_up=0, backward_done=done)
    with pytest.raises(RunError, match="2 iterations recorded, 3 expected, in order"):
        measured(tmp_path, trial)


def test_slow_iteration_counts_but_leaves_the_median(tmp_path: Path) -> None:
    got = measured(tmp_path, FakeTrial(imgs_per_sec=1, slow={4: 6.0}))
    assert got.iteration_seconds_median == pytest.approx(3.0)
    assert got.imgs_per_sec == pytest.approx(0.5)  # 15 images in 4 x 3 + 18 seconds


def test_shares_are_of_the_bytes_moved_until_the_first_worker_is_done(tmp_path: Path) -> None:
    got = measured(tmp_path, FakeTrial(pull=[50, 25, 25], push=[0, 0, 0]))
    assert got.pull_shares is not None
    assert got.pull_shares.by_worker == (0.5, 0.25, 0.25)
    assert (got.pull_shares.smallest, got.pull_shares.largest) == (0.25, 0.5)
    assert got.push_shares is None


def test_taking_turns_in_being_favoured_is_not_fair(tmp_path: Path) -> None:
    place = FakeTrial(iterations=3).write(tmp_path)
    path = place / "ps.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        if line["event"] == "iteration":
            first = line["iteration"] % 3
            moved = [50 if n == first else 25 for n in range(3)]
            line["pull_competing"] = {"seconds": 1.0, "bytes": moved}
    path.write_text("\n".join(map(json.dumps, lines)))
    shares = measure(read_trial(place)).pull_shares
    assert shares is not None
    assert shares.by_worker == pytest.approx([1 / 3] * 3)
    assert (shares.smallest, shares.largest) == (0.25, 0.5)


def test_rates_while_all_move_are_of_the_real_system(tmp_path: Path) -> None:
    place = FakeTrial(iterations=2, warm_up=1, rates=8, workers=2).write(tmp_path)
    lines = [json.loads(line) for line in (place / "ps.jsonl").read_text().splitlines()]
    for line in lines:
        if line["event"] == "iteration":
            line["pull_competing"] = {"seconds": 2.0, "bytes": [1_000_000, 3_000_000]}
            line["push_competing"] = {"seconds": 0.0, "bytes": [0, 0]}
    (place / "ps.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    got = measure(read_trial(place))
    assert got.pull_rates == ((32e6, 96e6), (32e6, 96e6))
    assert got.pull_shares is not None
    assert got.pull_shares.by_worker == (0.25, 0.75)
    # One had done before the other one began, in every iteration.
    assert (got.push_rates, got.push_shares) == ((), None)


def test_workers_with_paces_of_their_own_do_not_compete_iteration_by_iteration(
    tmp_path: Path,
) -> None:
    done = [[second * SECOND for second in range(1, 9)]] * 3
    trial = FakeTrial(backward_done=done, synchronisation="asynchronous")
    got = measured(tmp_path, trial)
    assert (got.pull_shares, got.push_shares) == (None, None)


# With 3 imgs/sec and D = 1, iterations last 1 s; two of warm-up last 3 s each from 10 s on, so the
# measured window is 16 s to 21 s.
@pytest.mark.parametrize(
    ("cpu", "mean", "worst"),
    [
        ([(15, 0.0), (16, 0.0), (17, 0.9), (18, 0.3), (21, 0.5), (22, 0.0)], 0.54, 0.3),
        ([(16, 0.0), (20.9, 0.5), (21, 0.0)], 0.49, 0.5),  # the last tick tells nothing by itself
        ([(10, 0.0), (30, 0.4)], 0.4, 0.4),  # no sample inside: the one that covers it
        ([(16, 0.5)], None, None),  # since when?
        ([(1, 0.5), (2, 0.5)], None, None),
        ([], None, None),
    ],
)
def test_idle_cpu_within_the_measured_iterations(
    tmp_path: Path, cpu: list[tuple[float, float]], mean: float | None, worst: float | None
) -> None:
    samples = [(round(t * SECOND), idle) for t, idle in cpu]
    got = measured(tmp_path, FakeTrial(imgs_per_sec=3, time=1, cpu=samples))
    assert got.idle_mean == (None if mean is None else pytest.approx(mean))
    assert got.idle_worst == worst


def test_counters(tmp_path: Path) -> None:
    got = measured(
        tmp_path,
        FakeTrial(retransmits=2, retransmits_namespaces=7, drops=30, packets=970, management=99),
    )
    assert (got.retransmissions_records, got.retransmissions_namespaces) == (6, 7)
    assert got.retransmissions == 7
    assert [(port.port, port.drops, port.share) for port in got.drops] == [
        ("switch0->switch1", 30, 0.03),
        ("switch1->switch0", 0, 0.0),
    ]
    assert (got.total_drops, got.management_bytes) == (30, 99)
    # 100 MB each way in each of 8 iterations; 2 s of the ps and 0.5 + 1.5 + 2.5 s of the workers.
    assert (got.payload_in, got.payload_out) == (800_000_000, 800_000_000)
    assert got.segments == 1_104_973
    assert got.cpu_seconds_per_gigabyte == pytest.approx(6.5 / 1.6)


def test_cpu_of_the_training_with_the_arithmetic_apart(tmp_path: Path) -> None:
    used = measured(tmp_path, FakeTrial()).training_cpu
    assert used is not None
    # 1.75 s of the ps, 0.25 of them arithmetic; 0.25 + 1.25 + 2.25 s of the workers, 0.375 of them.
    assert used.transport == pytest.approx((1.5 + 3.75) / 1.6)
    assert used.aggregation_per_gigabyte == pytest.approx(0.25 / 1.6)
    assert used.gradients_per_gigabyte == pytest.approx(0.375 / 1.6)


def test_without_payload_nothing_is_per_gigabyte(tmp_path: Path) -> None:
    got = measured(tmp_path, FakeTrial(payload=0))
    assert got.cpu_seconds_per_gigabyte is None
    assert got.training_cpu is None
    assert got.retransmission_share == 0.0


def test_use_of_the_caps(tmp_path: Path) -> None:
    own = caps_record(2, throttled=1.0, seconds=20.0, memory_peak_bytes=2048, oom_kills=1)
    unmeasured = own.model_copy(update={"measured": None})
    got = measured(tmp_path, FakeTrial(caps={"ps": own, "worker0": unmeasured}))
    assert got.hosts == (HostUse("ps", 2, 0.05, 2048, 1), HostUse("worker0", 2, None, 2048, 1))
    assert got.throttled_share == 0.05


def test_a_trial_without_capped_hosts(tmp_path: Path) -> None:
    got = measured(tmp_path, FakeTrial())
    assert got.hosts == ()
    assert got.throttled_share == 0
