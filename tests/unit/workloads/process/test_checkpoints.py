"""Files of checkpoints: whole or not there, the last two, and the last one that all have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workloads.errors import WorkloadError
from workloads.process.checkpoints import Checkpoints, last_of_all

BOTH = ("ps", "worker0")


def test_the_last_two_stay_and_come_back(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, 10)
    assert [kept.due(number) for number in (0, 5, 10, 15, 20)] == [False, False, True, False, True]
    for number in (10, 20, 30):
        kept.write("ps", number, {"parameters": np.full(3, number, np.float32)})
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "ps-00000020.npz",
        "ps-00000030.npz",
    ]
    assert Checkpoints(tmp_path, 10, 30).read("ps")["parameters"].tolist() == [30, 30, 30]


def test_a_training_that_goes_on_counts_what_was_before(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, 10, 20)
    assert kept.due(10)
    assert not kept.due(0)
    kept.write("ps", 10, {})
    assert [path.name for path in tmp_path.iterdir()] == ["ps-00000030.npz"]


def test_all_processes_must_have_it(tmp_path: Path) -> None:
    assert last_of_all(tmp_path / "none", BOTH, 100) == 0
    kept = Checkpoints(tmp_path, 10)
    for number in (10, 20):
        kept.write("ps", number, {})
    assert last_of_all(tmp_path, BOTH, 100) == 0
    kept.write("worker0", 10, {})
    (tmp_path / ".worker0-00000020.npz").write_bytes(b"half")  # it was being written
    assert last_of_all(tmp_path, BOTH, 100) == 10
    kept.write("worker0", 20, {})
    assert last_of_all(tmp_path, BOTH, 100) == 20
    assert last_of_all(tmp_path, BOTH, 19) == 10
    assert last_of_all(tmp_path, BOTH, 9) == 0


def test_what_cannot_be_written_or_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkloadError, match=r"cannot write the checkpoint .*ps-00000010\.npz"):
        Checkpoints(tmp_path / "missing", 10).write("ps", 10, {})
    (tmp_path / "ps-00000010.npz").write_bytes(b"broken")
    with pytest.raises(WorkloadError, match=r"cannot read the checkpoint .*ps-00000010\.npz"):
        Checkpoints(tmp_path, 10, 10).read("ps")
