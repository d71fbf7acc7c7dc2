"""What is asked of a machine, and how the answers are judged."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.emulation.machine.machine import (
    Probes,
    checks,
    inspect_machine,
    require_for_run,
    why_no_delays,
)
from orchestrator.emulation.machine.needs import FEATURES
from orchestrator.errors import MachineError


class FakeMachine:
    """Answers in a machine's place; has everything but what is named in `without`."""

    def __init__(self, files: Path, *without: str, root: bool = True) -> None:
        self.files = files
        self.without = without
        self.root = root
        self.asked: list[tuple[Sequence[str], str]] = []
        self.write("proc/sys/net/ipv4/tcp_available_congestion_control", "reno cubic\n")
        self.write("proc/filesystems", "nodev\ttmpfs\n\text4\n")
        self.write("proc/meminfo", "MemTotal: 9 kB\nMemAvailable:    4194304 kB\n")
        self.mount_cgroups("cgroup2", "cgroup2")
        self.write("sys/fs/cgroup/cgroup.controllers", "cpu memory\n")
        self.write("sys/fs/cgroup/cgroup.subtree_control", "cpu memory\n")

    def write(self, path: str, text: str) -> None:
        (self.files / path).parent.mkdir(parents=True, exist_ok=True)
        (self.files / path).write_text(text)

    def mount_cgroups(self, kind: str, *options: str) -> None:
        top = self.files / "sys/fs/cgroup"
        lines = (
            f"1 2 0:3 / {top if kind == 'cgroup2' else top / option} rw - {kind} none rw,{option}\n"
            for option in options
        )
        self.write("proc/self/mountinfo", "".join(lines))

    def attempt(self, argv: Sequence[str], lines: str) -> bool:
        self.asked.append((argv, lines))
        asked = f"{' '.join(argv)}\n{lines}"
        return not any(word in asked for word in self.without)

    def which(self, program: str) -> str | None:
        return None if program in self.without else f"/bin/{program}"

    def installed(self, library: str) -> str | None:
        return None if library in self.without else "1.0"

    @property
    def probes(self) -> Probes:
        return Probes(
            self.attempt, self.which, lambda: 0 if self.root else 1000, self.files, self.installed
        )

    def require(self, *, delay: bool = False, congestion_control: str = "cubic") -> str:
        """The complaint, or nothing."""
        try:
            require_for_run(
                delay=delay,
                congestion_control=congestion_control,
                results=self.files,
                probes=self.probes,
            )
        except MachineError as error:
            return str(error)
        return ""


def test_every_trial_is_inside_a_network_namespace_of_its_own(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path)
    inspect_machine("dctcp", probes=fake.probes)
    assert len(fake.asked) == len(FEATURES) + 2
    assert all(argv[:2] == ("unshare", "--net") or "--net" in argv for argv, _ in fake.asked)
    assert (
        ("unshare", "--net", "--", "tc", "-batch", "-"),
        "qdisc add dev lo root netem delay 1ms\n",
    ) in fake.asked


def test_facts_are_read_from_the_machine(tmp_path: Path) -> None:
    machine = inspect_machine(
        results=tmp_path / "not" / "there", probes=FakeMachine(tmp_path).probes
    )
    assert machine.root
    assert machine.boxes
    assert machine.tmpfs
    assert machine.congestion_controls == ("reno", "cubic")
    assert machine.cgroups == "v2 (cpu, memory)"
    assert list(machine.caps_missing) == ["cpuset"]
    assert machine.memory_total_bytes == 9 * 2**10
    assert machine.memory_bytes == 4 * 2**30
    assert machine.disk_bytes > 0
    assert not machine.openvswitch


def test_cgroups_v1(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path)
    fake.mount_cgroups("tmpfs", "size=1")
    assert inspect_machine(probes=fake.probes).cgroups == "none"
    (row,) = [r for r in checks(inspect_machine(probes=fake.probes)) if r.what == "cgroups"]
    assert (row.met, row.remedy) == (False, "no cgroup file system is mounted")
    (row,) = [r for r in checks(inspect_machine(probes=fake.probes)) if r.what == "cpuset"]
    assert (row.met, row.found) == (True, "by CPU affinity: no cgroup file system is mounted")
    fake.mount_cgroups("cgroup", "cpu", "memory")
    assert inspect_machine(probes=fake.probes).cgroups == "v1 (cpu, memory)"


def test_a_module_that_can_be_loaded_counts(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path)
    listed = "kernel/net/openvswitch/openvswitch.ko.xz: kernel/net/nsh/nsh.ko.xz\n"
    fake.write(f"lib/modules/{platform.release()}/modules.dep", listed)
    assert inspect_machine(probes=fake.probes).openvswitch


def test_a_machine_that_has_everything_needed_is_accepted(tmp_path: Path) -> None:
    assert FakeMachine(tmp_path).require(delay=True) == ""
    assert FakeMachine(tmp_path, "prio", "ifb", "ethtool", "ovs-vswitchd").require() == ""


@pytest.mark.parametrize(
    ("without", "complaint"),
    [
        ((), ""),
        (
            ("mnexec", "sshd"),
            "mnexec (make setup, or Debian package mininet);"
            " sshd (make setup, or Debian package openssh-server)",
        ),
        (("htb",), "htb (a kernel with CONFIG_NET_SCH_HTB)"),
        (
            ("--mount-proc",),
            "namespaces (a machine, or a container with all privileges, where unshare works)",
        ),
        # Without unshare nothing in the kernel can be tried: it is not called missing too.
        (("unshare",), "unshare (make setup, or Debian package util-linux)"),
    ],
)
def test_all_that_is_missing_is_named(
    tmp_path: Path, without: tuple[str, ...], complaint: str
) -> None:
    expected = f"this machine lacks: {complaint}" if complaint else ""
    assert FakeMachine(tmp_path, *without).require() == expected


def test_not_root_is_the_only_complaint(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path, root=False)
    assert fake.require(delay=True) == "this machine lacks: root (call it with sudo)"
    assert fake.asked == []


def test_netem_is_needed_for_delays_only(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path, "netem")
    assert fake.require(delay=False) == ""
    assert fake.require(delay=True) == (
        "this machine lacks: netem (a kernel with CONFIG_NET_SCH_NETEM, or links without a delay)"
    )


def test_torch_is_an_extra_whose_command_is_named(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path, "torch")
    assert fake.require() == ""
    (row,) = (row for row in checks(inspect_machine(probes=fake.probes)) if row.what == "torch")
    assert (row.found, row.met, row.remedy) == ("missing", False, "make setup-torch")


def test_a_congestion_control_not_yet_loaded_is_tried(tmp_path: Path) -> None:
    assert FakeMachine(tmp_path).require(congestion_control="dctcp") == ""
    assert FakeMachine(tmp_path, "congctl dctcp").require(congestion_control="dctcp") == (
        "this machine lacks: TCP dctcp (congestion_control: one of reno, cubic)"
    )


def test_a_full_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.emulation.machine.machine.MINIMUM_DISK_BYTES", 2**80)
    assert FakeMachine(tmp_path).require() == (
        "this machine lacks: disk space (free some, or write elsewhere with --out)"
    )


def test_few_cores_are_no_obstacle_to_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.emulation.machine.machine.MINIMUM_CORES", 10_000)
    fake = FakeMachine(tmp_path)
    machine = inspect_machine(probes=fake.probes)
    assert [
        row.what
        for row in checks(machine)
        if row.met is False and row.need not in ("later", "openflow")
    ] == ["cores"]
    assert fake.require() == ""


def test_why_links_cannot_have_delays(tmp_path: Path) -> None:
    assert why_no_delays(FakeMachine(tmp_path / "a").probes) == ""
    without = FakeMachine(tmp_path / "b", "netem")
    assert why_no_delays(without.probes) == (
        "this machine lacks what delays need: netem "
        "(a kernel with CONFIG_NET_SCH_NETEM, or links without a delay)"
    )
    not_root = FakeMachine(tmp_path / "c", root=False)
    assert why_no_delays(not_root.probes).startswith("only root can find out")
