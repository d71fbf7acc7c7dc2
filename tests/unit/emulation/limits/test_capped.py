"""What a trial's record says of its hosts' caps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from orchestrator.emulation.limits.capped import CappedHosts, CapsMeter
from orchestrator.emulation.limits.caps import HostCaps, Limits, MachineCapacity, host_caps
from orchestrator.emulation.limits.cgroups import Hierarchy, Usage
from orchestrator.emulation.limits.run_groups import NO_GROUPS, RunGroups
from orchestrator.errors import RunError
from orchestrator.spec import Host, Scale, Topology

GIB = 2**30


class Readings:
    """A host whose counters grow with time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.oom_kills = 3  # of an earlier trial

    def clock(self) -> float:
        return self.now

    def usage(self) -> Mapping[str, Usage]:
        periods = round(self.now * 100)
        return {"ps": Usage(self.now / 2, periods, periods // 4, self.now / 8, GIB, self.oom_kills)}


def meter(readings: Readings, first: int, asked: int = GIB) -> CapsMeter:
    cap = HostCaps("ps", Limits(0.5, asked), Limits(0.5, GIB), Limits(0.5, GIB), ("not all of it",))
    return CapsMeter(
        [cap], readings.usage, {"ps": True}, first=first, last=first + 1, clock=readings.clock
    )


@pytest.mark.parametrize("warm_up", [0, 2])
def test_the_measured_iterations_are_apart_from_the_start(warm_up: int) -> None:
    readings = Readings()
    taken = meter(readings, first=warm_up)
    readings.now = 104.0
    taken.event({"event": "listening"})
    if warm_up:
        readings.now = 106.0
    for iteration in range(warm_up + 2):
        if iteration >= warm_up:
            readings.now += 4.0
        taken.event({"event": "iteration", "iteration": iteration})
    readings.now += 2.0
    record, killed = taken.finish()
    whole = readings.now - 100
    assert killed == []
    assert record["ps"].as_json() == {
        "asked": {"cores": 0.5, "memory_bytes": GIB, "cpuset": []},
        "enforced": {"cores": 0.5, "memory_bytes": GIB, "cpuset": []},
        "why_not": ["not all of it"],
        "cpuset_by": None,
        "cpu_seconds": whole / 2,
        "periods": whole * 100,
        "throttled_periods": whole * 25,
        "throttled_seconds": whole / 8,
        "memory_peak_bytes": GIB,
        "memory_peak_of": "trial",
        "oom_kills": 0,
        "measured": {
            "seconds": 8.0,
            "cpu_seconds": 4.0,
            "periods": 800,
            "throttled_periods": 200,
            "throttled_seconds": 1.0,
        },
    }


def test_without_a_server_and_a_warm_up_the_first_iteration_is_left_out() -> None:
    """Nobody says when it begins; throttling in the others must be seen all the same."""
    readings = Readings()
    taken = meter(readings, first=0)
    for iteration in range(2):
        readings.now += 4.0
        taken.event({"event": "iteration", "iteration": iteration})
    measured = taken.finish()[0]["ps"].measured
    assert measured is not None
    assert (measured.seconds, measured.throttled_seconds) == (4.0, 0.5)


def test_a_trial_that_ended_early_has_no_measured_part() -> None:
    readings = Readings()
    taken = meter(readings, first=1)
    taken.event({"event": "iteration", "iteration": 0})
    record, _ = taken.finish()
    assert record["ps"].measured is None


def test_a_kill_for_memory_names_host_and_cap() -> None:
    readings = Readings()
    taken, scaled = meter(readings, first=1), meter(readings, first=1, asked=16 * GIB)
    readings.oom_kills += 1
    record, killed = taken.finish()
    assert record["ps"].oom_kills == 1
    assert killed == ["ps: killed for memory: its host's cap is 1 GiB"]
    assert scaled.finish()[1] == [
        "ps: killed for memory: its host's cap is 1 GiB (16 GiB at scale 1)"
    ]


HOSTS = (
    Host("ps", None, None, None, (0, 1)),
    Host("worker0", None, 0.5, None, (1,)),
    Host("worker1", None, None, None, ()),
)
TOPOLOGY = Topology("t", "", HOSTS, (), ())
LOGIN = "no cpuset in a login session"


class Affinity:
    """Takes the place of `sched_setaffinity`."""

    def __init__(self, refuses: bool = False) -> None:
        self.pinned: dict[int, tuple[int, ...]] = {}
        self._refuses = refuses

    def __call__(self, process: int, cpus: Iterable[int]) -> None:
        if self._refuses:
            raise OSError(22, "Invalid argument")
        self.pinned[process] = tuple(cpus)


def session_groups(folder: Path) -> RunGroups:
    """Of a login session: version 2, without cpuset."""
    tree = Hierarchy(2, ("cpu", "memory"), folder, folder)
    for host in HOSTS:
        (folder / host.name).mkdir()
    return RunGroups((tree,), {"cpuset": LOGIN})


def hosts_in_a_session(folder: Path, affinity: Affinity) -> CappedHosts:
    capacity = MachineCapacity((0, 1, 2), 8 * GIB, {"cpuset": LOGIN})
    caps = host_caps(TOPOLOGY, Scale(rates=1, time=1), capacity)
    return CappedHosts(caps, capacity, session_groups(folder), affinity)


def test_without_a_cpuset_controller_affinity_keeps_the_cpus(tmp_path: Path) -> None:
    affinity = Affinity()
    hosts = hosts_in_a_session(tmp_path, affinity)
    for pid, host in enumerate(HOSTS):
        hosts.add(host.name, pid)
    assert affinity.pinned == {0: (0, 1), 1: (1,)}
    assert [cap.enforced.cpuset for cap in hosts.caps] == [(0, 1), (1,), ()]
    assert (tmp_path / "worker0" / "cpu.max").read_text() == "5000 10000"
    assert (tmp_path / "worker0" / "cgroup.procs").read_text() == "1"
    assert "CPU affinity keeps the cpuset of ps, worker0, and no cgroup" in hosts.notes()

    use = Usage(None, 0, 0, 0.0, None, 0)
    use_of_all = dict.fromkeys(("ps", "worker0", "worker1"), use)
    fresh = dict.fromkeys(use_of_all, True)
    record, _ = CapsMeter(hosts.caps, lambda: use_of_all, fresh, first=0, last=1).finish()
    assert [record[host.name].cpuset_by for host in HOSTS] == ["affinity", "affinity", None]
    assert record["worker0"].why_not == (
        f"CPU 1 by affinity, which a program may change for itself: {LOGIN}",
    )


def test_a_refused_affinity_fails_the_run(tmp_path: Path) -> None:
    hosts = hosts_in_a_session(tmp_path, Affinity(refuses=True))
    with pytest.raises(RunError, match="cannot put ps under its caps: Invalid argument"):
        hosts.add("ps", 1)


def test_a_testbed_without_caps_pins_nothing() -> None:
    affinity = Affinity()
    capacity = MachineCapacity((0, 1, 2), 8 * GIB, NO_GROUPS.missing, affinity=False)
    caps = host_caps(TOPOLOGY, Scale(rates=1, time=1), capacity)
    hosts = CappedHosts(caps, capacity, NO_GROUPS, affinity)
    hosts.add("ps", 1)
    assert affinity.pinned == {}
    assert [cap.cpuset_by for cap in hosts.caps] == [None, None, None]
