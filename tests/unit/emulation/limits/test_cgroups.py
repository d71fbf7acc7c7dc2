"""Both layouts of cgroups, as trees of plain files; the real ones are in tests/system."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.emulation.limits.caps import Limits
from orchestrator.emulation.limits.cgroups import Hierarchy, HostGroup, Layout, Usage, find_layout

MIB = 2**20


class FakeTree:
    """A process and the cgroup file systems that it sees."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = folder / "proc"
        self.process.mkdir()
        self._mounts: list[str] = []
        self.own("0::/")

    def mount(
        self, name: str, kind: str, options: str, *, flags: str = "rw", root: str = "/"
    ) -> Path:
        point = self.folder / name
        point.mkdir(parents=True)
        self._mounts.append(f"31 23 0:28 {root} {point} {flags} shared:1 - {kind} none rw{options}")
        (self.process / "mountinfo").write_text("\n".join(self._mounts))
        return point

    def own(self, *lines: str) -> None:
        (self.process / "cgroup").write_text("\n".join(lines))

    def write(self, path: str, text: str) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def layout(self) -> Layout:
        return find_layout(self.process)


@pytest.fixture
def tree(tmp_path: Path) -> FakeTree:
    return FakeTree(tmp_path)


def test_version_1_has_a_tree_per_controller(tree: FakeTree) -> None:
    for name in ("cpu", "cpuacct", "cpuset", "memory", "pids"):
        tree.mount(name, "cgroup", f",{name}")
    tree.mount("unified", "cgroup2", "")
    (tree.folder / "memory/container/7").mkdir(parents=True)
    tree.own("4:memory:/container/7", "3:cpuset:/", "1:cpu:/gone", "0::/")
    layout = tree.layout()
    assert str(layout) == "v1 (cpu, cpuset, memory)"
    assert layout.missing == {}
    assert {h.controllers: h.directory for h in layout.hierarchies} == {
        ("cpu",): tree.folder / "cpu",
        ("cpuacct",): tree.folder / "cpuacct",
        ("cpuset",): tree.folder / "cpuset",
        # Below our own group: a container's limit stays in force.
        ("memory",): tree.folder / "memory/container/7",
    }


def test_version_1_with_controllers_together_and_a_container_s_part_of_the_tree(
    tree: FakeTree,
) -> None:
    point = tree.mount("cpu\\040box", "cgroup", ",cpu,cpuacct", root="/docker/9").with_name(
        "cpu box"
    )
    (point / "in").mkdir(parents=True)
    tree.own("4:cpu,cpuacct:/docker/9/in")
    (cpu,) = tree.layout().hierarchies
    assert (cpu.controllers, cpu.directory) == (("cpu", "cpuacct"), point / "in")
    tree.own("4:cpu,cpuacct:/elsewhere")
    assert tree.layout().hierarchies[0].directory == point
    assert tree.layout().missing == {
        "cpuset": "no cgroup file system is mounted",
        "memory": "no cgroup file system is mounted",
    }


def test_version_2_takes_the_nearest_ancestor_that_gives_controllers(tree: FakeTree) -> None:
    mount = tree.mount("cg", "cgroup2", ",nsdelegate")
    tree.own("0::/user.slice/user-0.slice/session-3.scope")
    tree.write("cg/cgroup.controllers", "cpuset cpu io memory pids")
    tree.write("cg/cgroup.subtree_control", "cpuset cpu io memory pids")
    tree.write("cg/user.slice/cgroup.subtree_control", "cpu memory pids")
    tree.write("cg/user.slice/user-0.slice/cgroup.subtree_control", "memory pids")
    tree.write("cg/user.slice/user-0.slice/session-3.scope/cgroup.subtree_control", "")
    # The whole tree is the nearest that gives all three.
    assert tree.layout() == Layout((Hierarchy(2, ("cpu", "cpuset", "memory"), mount, mount),), {})
    tree.write("cg/cgroup.subtree_control", "cpu memory pids")
    layout = tree.layout()
    assert layout.hierarchies == (Hierarchy(2, ("cpu", "memory"), mount, mount / "user.slice"),)
    assert list(layout.missing) == ["cpuset"]
    assert "cgroup.subtree_control does not give cpuset" in layout.missing["cpuset"]
    assert str(layout) == "v2 (cpu, memory)"


def test_version_2_that_gives_nothing(tree: FakeTree) -> None:
    tree.mount("cg", "cgroup2", "")
    tree.write("cg/cgroup.controllers", "cpu memory")
    tree.write("cg/cgroup.subtree_control", "")
    layout = tree.layout()
    assert (layout.hierarchies, str(layout)) == ((), "")
    assert layout.missing["cpu"] == (
        f"{tree.folder}/cg/cgroup.subtree_control does not give cpu to its children "
        "(echo +cpu into it, or let systemd do so)"
    )
    assert layout.missing["cpuset"] == f"{tree.folder}/cg has no controller cpuset"


def test_read_only_and_absent(tree: FakeTree) -> None:
    tree.mount("cpu", "cgroup", ",cpu", flags="ro,relatime")
    tree.mount("cg", "cgroup2", "", flags="ro")
    layout = tree.layout()
    assert layout.hierarchies == ()
    assert layout.missing["cpu"] == f"{tree.folder}/cg is mounted read-only"
    assert find_layout(tree.folder / "nowhere").missing["cpu"] == "no cgroup file system is mounted"


def group(
    tree: FakeTree, version: int, files: dict[str, str], controllers: Sequence[str] = ()
) -> HostGroup:
    (tree.folder / "run").mkdir(exist_ok=True)
    for name, text in files.items():
        tree.write(f"run/worker0/{name}", text)
    names = tuple(controllers) or ("cpu", "cpuacct", "memory")[:: 1 if version == 1 else 2]
    hierarchy = Hierarchy(version, names, tree.folder, tree.folder / "run")
    return HostGroup((hierarchy,), "worker0")


def kept(tree: FakeTree, name: str) -> str:
    return (tree.folder / "run/worker0" / name).read_text()


def test_limits_of_version_1(tree: FakeTree) -> None:
    host = group(tree, 1, {"memory.memsw.limit_in_bytes": ""})
    limits = Limits(0.5, 256 * MIB + 1)
    assert host.limit(limits) == (limits, [])
    assert kept(tree, "cpu.cfs_period_us") == "10000"
    assert kept(tree, "cpu.cfs_quota_us") == "5000"
    assert kept(tree, "memory.limit_in_bytes") == str(256 * MIB)
    assert kept(tree, "memory.memsw.limit_in_bytes") == str(256 * MIB)
    host.add(42)
    assert kept(tree, "cgroup.procs") == "42"


def test_limits_of_version_2(tree: FakeTree) -> None:
    host = group(tree, 2, {"memory.swap.max": ""}, ("cpu", "cpuset", "memory"))
    limits = Limits(1.5, 256 * MIB, (0, 1))
    assert host.limit(limits) == (limits, [])
    assert kept(tree, "cpu.max") == "15000 10000"
    assert kept(tree, "memory.max") == str(256 * MIB)
    assert kept(tree, "memory.swap.max") == "0"
    assert kept(tree, "cpuset.cpus") == "0-1"


def test_a_version_1_cpuset_inherits_before_a_process_comes(tree: FakeTree) -> None:
    tree.write("run/cpuset.cpus", "0-3\n")
    tree.write("run/cpuset.mems", "0\n")
    host = group(tree, 1, {}, ("cpuset",))
    assert (kept(tree, "cpuset.cpus"), kept(tree, "cpuset.mems")) == ("0-3\n", "0\n")
    host.limit(Limits(cpuset=(2,)))
    assert kept(tree, "cpuset.cpus") == "2"


def test_no_limit_sets_nothing(tree: FakeTree) -> None:
    host = group(tree, 2, {})
    assert host.limit(Limits()) == (Limits(), [])
    assert list((tree.folder / "run/worker0").iterdir()) == []


def test_what_the_kernel_refuses_is_said_and_not_held(tree: FakeTree) -> None:
    host = group(tree, 2, {})
    (tree.folder / "run/worker0/cpu.max").mkdir()  # cannot be written
    limits, notes = host.limit(Limits(0.5, 256 * MIB))
    assert limits == Limits(None, 256 * MIB)
    assert notes == ["the kernel refused cpu.max 5000 10000: Is a directory"]


def test_usage_of_version_1(tree: FakeTree) -> None:
    host = group(
        tree,
        1,
        {
            "cpuacct.usage": "1500000000\n",
            "cpu.stat": "nr_periods 40\nnr_throttled 10\nthrottled_time 2500000000\n",
            "memory.max_usage_in_bytes": "777\n",
            "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
        },
    )
    assert host.usage() == Usage(1.5, 40, 10, 2.5, 777, 2)
    assert host.reset_peak()
    assert kept(tree, "memory.max_usage_in_bytes") == "0"


def test_usage_of_version_2(tree: FakeTree) -> None:
    host = group(
        tree,
        2,
        {
            "cpu.stat": "usage_usec 1500000\nnr_periods 40\nnr_throttled 10\n"
            "throttled_usec 2500000\n",
            "memory.peak": "777\n",
            "memory.events": "low 0\noom 3\noom_kill 2\noom_group_kill 0\n",
        },
    )
    assert host.usage() == Usage(1.5, 40, 10, 2.5, 777, 2)


def test_version_2_without_a_peak_that_can_be_reset(tree: FakeTree) -> None:
    host = group(tree, 2, {})
    assert not host.reset_peak()
    assert host.usage() == Usage(None, 0, 0, 0.0, None, 0)


def test_version_2_resets_the_peak_through_one_open_file(tree: FakeTree) -> None:
    host = group(tree, 2, {"memory.peak": "7\n"})
    assert host.usage().memory_peak_bytes == 7
    assert host.reset_peak()
    assert host.usage().memory_peak_bytes == 0


def test_without_any_hierarchy(tree: FakeTree) -> None:
    del tree
    host = HostGroup((), "worker0")
    host.add(1)
    assert not host.reset_peak()
    assert host.usage() == Usage(None, 0, 0, 0.0, None, 0)
