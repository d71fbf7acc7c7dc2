"""A trial without a parameter server gets through records, measures, verdict and table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.analysis import read_run, report
from orchestrator.analysis.measures.measure import measure
from orchestrator.analysis.reading.spans import read_spans
from orchestrator.errors import InputError
from orchestrator.records.directory import RunDirectory
from tests.unit.analysis.builder import write_run
from tests.unit.analysis.fake_trial import FakeTrial
from workloads.process.process_records import ConnectionEnd


def two_workers(repeats: int = 1, **changes: object) -> list[FakeTrial]:
    made = [FakeTrial(workers=2, repeat=n, imgs_per_sec=0.5) for n in range(repeats)]
    for trial in made:
        trial.server = False
        for name, value in changes.items():
            setattr(trial, name, value)
    return made


def test_it_has_a_figure_and_what_the_workers_recorded(tmp_path: Path) -> None:
    (trial,) = read_run(write_run(tmp_path, two_workers())).trainings
    assert (trial.servers, trial.job.seed) == ((), 1)
    assert trial.congestion_controls == {"cubic"}
    got = measure(trial)
    assert got.imgs_per_sec == pytest.approx(0.5)
    assert got.iteration_seconds == pytest.approx([4.0] * 5)
    assert (got.cpu_seconds_ps, got.payload_in, got.parameters_sha256) == (None, None, None)
    # What the workers received: 200 MB in each of 8 iterations; 0.5 and 1.5 s of CPU.
    assert got.payload == 1_600_000_000
    assert got.cpu_seconds_per_gigabyte == pytest.approx(2 / 1.6)
    assert got.training_cpu is not None
    assert (got.training_cpu.ps, got.training_cpu.workers) == (0, 1.5)
    assert (got.pull_shares, got.push_shares) == (None, None)


def test_workers_that_keep_parameters_must_agree_on_them(tmp_path: Path) -> None:
    (trial,) = read_run(write_run(tmp_path, two_workers())).trainings
    one, other = trial.worker_ends
    kept = replace(one, parameters_sha256="aa")
    same = measure(replace(trial, worker_ends=(kept, replace(other, parameters_sha256="aa"))))
    assert (same.parameters_sha256, same.agreed, same.exact) == ("aa", True, True)
    apart = measure(replace(trial, worker_ends=(kept, replace(other, parameters_sha256="bb"))))
    assert (apart.parameters_sha256, apart.agreed) == (None, False)


def test_beside_a_server_what_workers_got_from_each_other_counts_too(tmp_path: Path) -> None:
    (trial,) = read_run(write_run(tmp_path, [FakeTrial(workers=2)])).trainings
    alone = measure(trial)
    one, other = trial.worker_ends
    between = ConnectionEnd(0, worker=1, bytes_received=1_000_000)
    ring = replace(one, connections=[*one.connections, between], parameters_sha256="aa")
    both = measure(replace(trial, worker_ends=(ring, replace(other, parameters_sha256="aa"))))
    assert both.payload == alone.payload + 1_000_000
    assert both.agreed
    assert both.parameters_sha256 not in (None, "aa", alone.parameters_sha256)


def test_its_row_is_ok_and_has_no_bound_of_pulls_and_pushes(tmp_path: Path) -> None:
    """A parameter server's bound, and its digests, are nothing that it can be held against."""
    made = report(write_run(tmp_path, two_workers(2), topology=True))
    (row,) = made.rows
    assert row["imgs_per_sec"] == pytest.approx(0.5)
    assert (row["repeats"], row["verdict"], row["bound_imgs_per_sec"]) == (2, "ok", None)
    assert {trial.level for trial in made.summary.verdicts} == {"ok"}
    assert "payload_in" in (tmp_path / "summary.csv").read_text()


def test_the_management_network_is_that_of_its_two_processes(tmp_path: Path) -> None:
    quiet = {"payload": 0, "management": 2 * 512 * 1024 + 100_000}
    made = report(write_run(tmp_path, two_workers(**quiet)))
    assert "crossed the management network" in made.rows[0]["reasons"][0]


def test_it_leaves_no_trace(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path, two_workers()))
    place = RunDirectory(tmp_path).stored()[0]
    with pytest.raises(InputError, match="it had no parameter server"):
        read_spans(place, run.trainings[0])
