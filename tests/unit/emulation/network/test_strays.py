from __future__ import annotations

import signal
from pathlib import Path

from orchestrator.emulation.network.strays import Strays


class Machine:
    """A /proc with processes in the namespaces of two hosts and one elsewhere."""

    def __init__(self, proc: Path) -> None:
        self.proc = proc
        self.killed: list[tuple[int, signal.Signals]] = []
        self.gone: set[int] = set()
        for name in ("a", "b", "box"):
            (proc / name).touch()
        self.start(10, "a", "bash")
        self.start(20, "b", "bash")
        self.start(1, "box", "python3")

    def start(self, pid: int, where: str, name: str, state: str = "S") -> None:
        (self.proc / str(pid) / "ns").mkdir(parents=True)
        (self.proc / str(pid) / "ns/net").symlink_to(self.proc / where)
        (self.proc / str(pid) / "comm").write_text(f"{name}\n")
        (self.proc / str(pid) / "stat").write_text(f"{pid} (a) b) {state} 1 1\n")

    def kill(self, pid: int, how: signal.Signals) -> None:
        if pid in self.gone:
            raise ProcessLookupError
        self.killed.append((pid, how))

    def strays(self) -> Strays:
        return Strays({"a": 10, "b": 20}, proc=self.proc, kill=self.kill)


def test_what_was_not_there_before_is_ended(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    strays = machine.strays()
    known = strays.running()
    assert known == {10: "a", 20: "b"}
    machine.start(30, "b", "train")
    machine.start(31, "b", "zombie", state="Z")
    machine.start(32, "a", "sshd-session")
    machine.start(33, "box", "iperf3")
    machine.start(34, "a", "quick")
    machine.gone = {34}
    assert strays.end(known) == ("train on b",)
    assert machine.killed == [(30, signal.SIGKILL)]
