"""A user's programs on a real testbed: beside a training, and those that go wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.system.experiments import write_experiment
from tests.system.program import ROOT, dmlbed

pytestmark = [pytest.mark.system, pytest.mark.beside]

WORKERS = ("worker0", "worker1", "worker2")
BYTES, ROUNDS = 1_000_000, 4


def written(folder: Path, programs: dict[str, Any]) -> Path:
    shutil.copy(ROOT / "tests/system/ring.py", folder)
    more = f"programs: {json.dumps(programs)}\n"
    return write_experiment(folder, schedules="none", more=more, same_time=True)


def test_a_training_and_a_program_in_one_table(tmp_path: Path) -> None:
    ring = {
        "command": ["python3", "ring.py", ",".join(WORKERS), str(BYTES), str(ROUNDS)],
        "files": ["ring.py"],
        "ready": "ready",
        "throughput": {"json": "imgs_per_sec"},
        "sent": "sent",
        "warm_up": 1,
        "limit": 60,
        "model": "squeezenet",
    }
    done = dmlbed("run", written(tmp_path, {"rounds": ring}), "--out", tmp_path / "out", "--json")
    # 5: a busy machine leaves no idle CPU, which is no matter here.
    assert done.returncode in (0, 5), done.stderr
    found = json.loads(done.stdout)
    training, program = found["rows"]
    assert (training["schedule"], training["program"]) == ("none", None)
    assert (program["model"], program["schedule"], program["program"]) == (
        "squeezenet", None, "rounds",
    )  # fmt: skip
    assert program["unit"] == "imgs/sec"
    assert program["speedup_pct"] is not None
    sent = dict(pair.split("=") for pair in program["payload_by_pair"])
    for rank, host in enumerate(WORKERS):
        following, other = WORKERS[(rank + 1) % 3], WORKERS[(rank + 2) % 3]
        assert int(sent[f"{host}->{following}"]) == pytest.approx(BYTES * ROUNDS, rel=0.01)
        assert int(sent[f"{host}->{other}"]) < BYTES / 100
    assert abs(program["sent_off_pct"]) < 1
    assert not any("by the link's counters" in reason for reason in program["reasons"])
    # The trunk carries nothing of it.
    (place,) = Path(found["run"]).glob("trials/*rounds*")
    ports = json.loads((place / "network.json").read_text())["ports"]
    (trunk,) = (port for port in ports if port["port"] == "switch1->switch0")
    assert trunk["bytes"] < BYTES / 100
    lines = [json.loads(line) for line in (place / "worker1.jsonl").read_text().splitlines()]
    assert lines[0][1:] == ["stdout", "ready\n"]


def sh(script: str, **more: Any) -> dict[str, Any]:
    throughput = {"regex": "speed ([0-9.]+)", "unit": "MB/s"}
    return {"command": ["sh", "-c", script], "throughput": throughput, "limit": 20, **more}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unready": (
        sh("echo loading; sleep 1000", ready="go", start=1),
        "unready was not ready within 1 s: none of its processes printed 'go'",
    ),
    "mute": (
        sh("echo finished"),
        "mute: no throughput in what it printed: a match of 'speed ([0-9.]+)' was looked for",
    ),
    "dies": (
        sh('[ $RANK != 1 ] || { echo "no such dataset" >&2; exit 7; }; sleep 1000'),
        "worker1: ended with exit status 7",
    ),
    "floods": (sh("yes | head -c 2000000000"), "has printed more than 16 MiB"),
    "slow": (sh("sleep 1000 & sleep 1001", limit=1), "did not end within 1 s"),
}


def test_programs_that_go_wrong_end_with_their_reason(tmp_path: Path) -> None:
    programs = {name: one for name, (one, _) in WRONG.items()}
    # What it leaves is in a session of its own, and says nothing.
    leaves = "setsid sleep 1000 >/dev/null 2>&1 </dev/null &"
    alone = sh(f"{leaves} echo speed 1; sleep 0.3; echo speed 2", hosts=["worker0"])
    # Without the training: what went wrong is all that there is, and one that stays on its host.
    file = written(tmp_path, {**programs, "alone": alone})
    text = file.read_text()
    file.write_text(text.replace("models: [squeezenet]\n", "").replace("schedules: [none]\n", ""))
    done = dmlbed("run", file, "--out", tmp_path / "out", "--json")
    assert done.returncode == 4, done.stderr
    found = json.loads(done.stdout)
    reasons = {one["trial"].split("-")[1]: one["reason"] for one in found["failed"]}
    assert reasons.keys() == WRONG.keys()
    for name, (_, said) in WRONG.items():
        assert said in reasons[name].splitlines()[0], name
    assert "no such dataset" in reasons["dies"]
    (row,) = found["rows"]
    assert (row["program"], row["verdict"], row["unit"]) == ("alone", "unusable", "MB/s")
    assert "all of it ran on worker0: nothing crossed the data network" in row["reasons"][0]
    assert any(
        "left processes behind" in one and "sleep on worker0" in one for one in row["reasons"]
    )
