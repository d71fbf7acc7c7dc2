"""What `make test-vm` decides before and after it boots anything."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from scripts.testvm.guest import Guest
from scripts.testvm.jobs import GUESTS, Job
from scripts.testvm.mirror import Mirror, parse_targets

ROOT = Path(__file__).parents[2]

TARGETS = """\
Debian|http://mirror.example/debian/|bookworm|main
Debian|http://mirror.example/debian/|bookworm-updates|main
Debian|http://mirror.example/debian-security/|bookworm-security|main
Debian|http://mirror.example/debian/|trixie|main
Somebody|https://packages.example/|bookworm|main
"""


def test_the_mirror_is_debians_own_of_the_release() -> None:
    assert parse_targets(TARGETS) == Mirror(
        "http://mirror.example/debian/",
        (
            "deb http://mirror.example/debian/ bookworm main",
            "deb http://mirror.example/debian/ bookworm-updates main",
            "deb http://mirror.example/debian-security/ bookworm-security main",
        ),
    )
    assert parse_targets("Debian|http://mirror.example/debian/|trixie|main\n") is None
    assert parse_targets("") is None


@pytest.mark.parametrize(
    "job", [job for jobs in GUESTS.values() for job in jobs], ids=lambda job: job.name
)
def test_jobs_are_bash_and_run_tests_that_there_are(job: Job) -> None:
    subprocess.run(["bash", "-n"], input=job.script, text=True, check=True)
    for name in re.findall(r"tests/\S+\.py", job.script):
        assert (ROOT / name).is_file()
        chosen = re.search(r"-k '([a-z_ ]+)'", job.script)
        words = chosen[1].split(" or ") if chosen else []
        assert all(word in (ROOT / name).read_text() for word in words)


def test_a_guest_says_how_each_job_ended(tmp_path: Path) -> None:
    jobs = [Job(name, f"what {name} is", "exit 1\n") for name in ("good", "bad", "unended")]
    guest = Guest(tmp_path / "guest", jobs, kernel=Path("k"), image=Path("i"), memory=64)
    shared = tmp_path / "guest" / "jobs"
    assert "for job in good bad unended; do" in (shared / "all").read_text()
    assert (shared / "good.sh").read_text() == "exit 1\n"
    (shared / "good.status").write_text("0 61\n")
    (shared / "bad.status").write_text("1 2\n")
    (shared / "unended.log").write_text("so far")
    ended = {outcome.job.name: outcome for outcome in guest.outcomes()}
    assert [outcome.passed for outcome in ended.values()] == [True, False, False]
    assert (ended["good"].seconds, ended["unended"].seconds) == (61, None)
    assert ended["unended"].said == "so far"
