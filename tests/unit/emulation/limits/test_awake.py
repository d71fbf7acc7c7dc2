"""CPUs that are kept awake, with real processes on one CPU of this machine."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from orchestrator.emulation.box.idler import NAME
from orchestrator.emulation.limits.awake import Awake, cpus_to_keep_awake, is_virtual
from orchestrator.emulation.limits.idle import IdleSampler
from orchestrator.spec import LINUX_BRIDGE, OVS_USER

CPU = min(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("text", "virtual"),
    [
        ("processor: 0\nflags\t\t: fpu vme hypervisor lahf_lm\n", True),
        ("processor: 0\nflags\t\t: fpu vme lahf_lm\nbugs: hypervisor\n", False),
        ("processor: 0\nBogoMIPS: 243.75\n", False),
    ],
)
def test_a_hypervisors_cpus_say_so(text: str, virtual: bool) -> None:
    assert is_virtual(lambda: text) == virtual


def test_where_nothing_can_be_read_nothing_is_kept_awake() -> None:
    def unreadable() -> str:
        raise PermissionError

    assert not is_virtual(unreadable)


def with_name(name: str) -> list[int]:
    """Children of this process with that name."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
        except OSError:
            continue
        parent = int(stat.rpartition(")")[2].split()[1])
        if f"({name})" in stat and parent == os.getpid():
            found.append(int(folder.name))
    return found


def test_its_processes_come_last_and_end_with_it() -> None:
    with Awake((CPU,)) as awake:
        deadline = time.monotonic() + 60
        while not (pids := with_name(NAME)) or awake.used_seconds() == 0:
            assert time.monotonic() < deadline, "it never ran"
        (pid,) = pids
        assert os.sched_getscheduler(pid) == os.SCHED_IDLE
        assert os.sched_getaffinity(pid) == {CPU}
    assert with_name(NAME) == []
    assert awake.used_seconds() == 0


def test_nothing_is_started_where_cpus_are_real() -> None:
    with Awake(()) as awake:
        assert awake.used_seconds() == 0


def test_what_keeps_cpus_awake_counts_as_idle() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    # Of 100 ticks each: 40 idle and 30 of the processes; all but for what they exceed it by.
    texts = iter([f"cpu {60 * n} 0 0 {40 * n} 0 0 0 0" for n in range(3)])
    used = iter([0.0, 30 / ticks, 95 / ticks])
    sampler = IdleSampler(lambda: next(texts), awake=lambda: next(used))
    sampler.sample()
    sampler.sample()
    assert [share for _, share in sampler.samples] == pytest.approx([0.7, 1.0])


def test_beside_switches_that_are_processes_no_cpu_is_kept_awake() -> None:
    assert cpus_to_keep_awake(OVS_USER) == ()
    kept = cpus_to_keep_awake(LINUX_BRIDGE)
    assert set(kept) in (set(), os.sched_getaffinity(0))
