"""Runs inside the box that test_deployment.py makes: two hosts on lo, each with an sshd.

Never run it outside: it mounts over /run, /etc/passwd and /etc/shadow.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator.deployment import (
    PYTHON,
    After,
    Deployment,
    ProcessPlan,
    Told,
)
from orchestrator.deployment.host import RemoteHost, connect
from orchestrator.emulation.ssh import sshd
from orchestrator.errors import RunError
from orchestrator.spec.access import SshAccess
from tests.system.limits import patience

INTERPRETER = "/usr/bin/python3"
ADDRESSES = {"ps": "127.0.0.1", "worker0": "127.0.0.2"}

WORKLOAD = """
import json, os, signal, subprocess, sys, time

def say(**event):
    print(json.dumps(event), flush=True)

job = json.load(open(sys.argv[1]))
act = job.get("act", "work")
if act == "hang-at-start":
    time.sleep(1000)
say(event="started", pid=os.getpid(), pgid=os.getpgid(0))
if act == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)"
    subprocess.Popen([sys.executable, "-c", child, "dmlbed-child"])
    subprocess.Popen([sys.executable, "-c", child, "dmlbed-child"], process_group=0)
if job["host"] == "ps":
    say(event="listening")
for i in range(job["iterations"]):
    say(event="iteration", iteration=i)
with open(job["records"], "w") as records:
    records.write(json.dumps({"event": "job", "process": job["host"], "cwd": os.getcwd()}) + "\\n")
if act == "fail":
    print("something is amiss", file=sys.stderr)
    sys.exit(1)
if act == "die":
    print("\\x1b[31mabout to die", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
if act in ("hang", "stubborn"):
    time.sleep(1000)
say(event="finished")
"""

CODE = {"workloads/__init__.py": b"", "workloads/__main__.py": WORKLOAD.encode()}


@pytest.fixture(scope="module")
def accesses() -> Iterator[dict[str, SshAccess]]:
    assert os.getpid() == 1, "only inside the box of test_deployment.py"
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)
    run = Path("/run/testbed")
    home = run / "home"
    for directory in (run, home, Path(sshd.PRIVILEGE_SEPARATION_DIRECTORY)):
        directory.mkdir(mode=0o755)
    accounts = sshd.private_accounts(
        Path("/etc/passwd").read_text(), Path("/etc/shadow").read_text(), str(home)
    )
    for name, text in (("passwd", accounts.passwd), ("shadow", accounts.shadow)):
        file = run / name
        file.write_text(text)
        subprocess.run(["mount", "--bind", str(file), f"/etc/{name}"], check=True)
    (run / "passwd").chmod(0o644)
    keys = sshd.make_keys(run, ADDRESSES)
    servers = []
    for host, address in ADDRESSES.items():
        config = run / f"sshd_config_{host}"
        config.write_text(
            sshd.sshd_config(
                address=address,
                host_key=keys.hosts[host].file,
                authorized_keys=keys.authorized_keys,
                pid_file=run / f"sshd_{host}.pid",
            )
        )
        servers.append(subprocess.Popen(sshd.sshd_argv(config)))
    while not all((run / f"sshd_{host}.pid").exists() for host in ADDRESSES):
        assert all(server.poll() is None for server in servers)
        time.sleep(0.02)
    yield {host: keys.access(host, address) for host, address in ADDRESSES.items()}
    for server in servers:
        server.kill()
        server.wait()


@pytest.fixture
def hosts(accesses: dict[str, SshAccess]) -> Iterator[dict[str, RemoteHost]]:
    connected = {name: connect(access, timeout=5) for name, access in accesses.items()}
    yield connected
    for host in connected.values():
        host.close()
    assert ours() == [], "a process was left behind"
    assert not Path("/run/trial").exists()


def processes() -> dict[int, str]:
    """Command lines of the processes that run, by pid."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if state not in "ZX":
            found[int(entry.name)] = line
    return found


def ours() -> list[str]:
    """What runs for a deployment: the workload, its children, the scripts around it."""
    marks = ("job.json", "dmlbed-", "sleep 1000")
    deadline = time.monotonic() + patience(30)
    while True:
        lines = [line for line in processes().values() if any(mark in line for mark in marks)]
        if not lines or time.monotonic() > deadline:
            return lines
        time.sleep(0.02)


def jobs(worker: Mapping[str, Any], ps: Mapping[str, Any] | None = None) -> list[ProcessPlan]:
    return [
        plan({"host": "ps", "iterations": 3, **(ps or {})}, heartbeat=True),
        plan({"host": "worker0", "iterations": 0, **worker}, After("ps", "event", "listening")),
    ]


def plan(job: Mapping[str, Any], *after: After, heartbeat: bool = False) -> ProcessPlan:
    records = f"{job['host']}.jsonl"
    return ProcessPlan(
        job["host"],
        job["host"],
        (PYTHON, "-m", "workloads", "job.json"),
        files={**CODE, "job.json": json.dumps({**job, "records": records}).encode()},
        after=after,
        records=records,
        progress="iteration",
        heartbeat=heartbeat,
    )


def run(
    hosts: Mapping[str, RemoteHost],
    plans: Sequence[ProcessPlan],
    on_event: Callable[[str, dict[str, Any]], None] = lambda _host, _event: None,
    silence_timeout: float = 20.0,
    start_timeout: float = 10.0,
    *,
    python: str = INTERPRETER,
) -> dict[str, bytes]:
    limited = [
        dataclasses.replace(one, start_seconds=start_timeout, silence_seconds=silence_timeout)
        for one in plans
    ]
    return Deployment(hosts, python, "/run/trial").run(limited, on_event=on_event)


def kill_connection() -> None:
    """Kill the server's end of worker0's connection, not the server that listens."""
    listening = int(Path("/run/testbed/sshd_worker0.pid").read_text())
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == listening:
                os.kill(int(entry.name), signal.SIGKILL)


def test_a_trial(hosts: dict[str, RemoteHost]) -> None:
    seen: list[tuple[str, str]] = []
    groups = []

    def on_event(host: str, event: dict[str, Any]) -> None:
        seen.append((host, event["event"]))
        if event["event"] == "started":
            groups.append(event["pid"] == event["pgid"])

    records = run(hosts, jobs({}), on_event)
    assert [kind for host, kind in seen if host == "ps"] == [
        "started",
        "listening",
        "iteration",
        "iteration",
        "iteration",
        "finished",
    ]
    assert seen.index(("ps", "listening")) < seen.index(("worker0", "started"))
    assert groups == [True, True]
    assert b'"cwd": "/run/trial/worker0"' in records["worker0"]
    assert b'"process": "ps"' in records["ps"]


def test_programs_that_are_not_ours(hosts: dict[str, RemoteHost]) -> None:
    serve = ProcessPlan(
        "serve", "ps", ("sh", "-c", "echo ready; cat go"), {"go": b"x\n"}, events=False
    )
    ask = ProcessPlan(
        "ask", "ps", ("printf", "{ %s", "a"), after=(After("serve", "exit"),), events=False
    )
    first = ProcessPlan(
        "first", "worker0", ("true",), after=(After("serve", "printed", "ready"),), events=False
    )
    found = Deployment(hosts, INTERPRETER, "/run/trial").run([first, ask, serve])
    assert found == {"first": b"", "ask": b"{ a", "serve": b"ready\nx\n"}


def test_a_stubborn_process_goes_with_its_children(hosts: dict[str, RemoteHost]) -> None:
    with pytest.raises(RunError, match=r"worker0: silent for 0.6 s, after iteration 2") as error:
        run(hosts, jobs({"act": "stubborn", "iterations": 1}), silence_timeout=0.6)
    assert str(error.value).endswith("after iteration 2; it printed nothing")


def test_kill_9_is_told_with_the_signal_and_the_last_lines(hosts: dict[str, RemoteHost]) -> None:
    with pytest.raises(RunError) as error:
        run(hosts, jobs({"act": "die"}, ps={"act": "hang"}))
    first, *others = str(error.value).splitlines()
    assert first == "worker0: killed by signal SIGKILL, after iteration 2"
    assert others[-1] == "     [31mabout to die"


def test_an_error_of_the_workload(hosts: dict[str, RemoteHost]) -> None:
    with pytest.raises(RunError, match="worker0: ended with exit status 1") as error:
        run(hosts, jobs({"act": "fail"}, ps={"act": "hang"}))
    assert "\n    something is amiss" in str(error.value)


def test_a_silent_parameter_server(hosts: dict[str, RemoteHost]) -> None:
    with pytest.raises(RunError, match=r"ps: silent for 0.7 s, after iteration 2"):
        run(hosts, jobs({"act": "hang"}, ps={"act": "hang"}), silence_timeout=0.7)


def test_a_start_that_hangs(hosts: dict[str, RemoteHost]) -> None:
    with pytest.raises(RunError, match=r"ps: told nothing within 0.8 s of its start"):
        run(hosts, jobs({}, ps={"act": "hang-at-start"}), start_timeout=0.8)


def test_no_such_interpreter(hosts: dict[str, RemoteHost]) -> None:
    with pytest.raises(RunError, match=r"ps: ended with exit status 127[\s\S]*no-such-python"):
        run(hosts, jobs({}), python="/no-such-python")


def test_a_dropped_connection_and_the_next_trial(hosts: dict[str, RemoteHost]) -> None:
    def on_event(host: str, event: dict[str, Any]) -> None:
        if (host, event["event"]) == ("worker0", "started"):
            kill_connection()

    with pytest.raises(RunError, match="worker0: the SSH connection or session ended"):
        run(hosts, jobs({"act": "stubborn"}, ps={"act": "hang"}), on_event)
    assert ours() == []
    assert set(run(hosts, jobs({}))) == {"ps", "worker0"}


def test_a_start_script_that_is_killed(hosts: dict[str, RemoteHost]) -> None:
    def on_event(host: str, event: dict[str, Any]) -> None:
        if (host, event["event"]) == ("worker0", "started"):
            scripts = [p for p, line in processes().items() if "dmlbed-start /run/trial/w" in line]
            assert len(scripts) == 1
            os.kill(scripts[0], signal.SIGKILL)

    with pytest.raises(RunError, match="worker0: the SSH connection or session ended"):
        run(hosts, jobs({"act": "hang"}, ps={"act": "hang"}), on_event)


def test_ctrl_c_stops_everything(hosts: dict[str, RemoteHost]) -> None:
    def press() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    def on_event(host: str, event: dict[str, Any]) -> None:
        if (host, event["event"]) == ("worker0", "started"):
            threading.Timer(0.3, press).start()

    with pytest.raises(KeyboardInterrupt):
        run(hosts, jobs({"act": "stubborn"}, ps={"act": "stubborn"}), on_event)


def test_closing_the_connection_ends_what_was_started(accesses: dict[str, SshAccess]) -> None:
    with connect(accesses["ps"], timeout=5) as host:
        script = """echo "{\\"A\\": \\"$A\\"}"; sleep 1000"""
        process = host.start(["sh", "-c", script], directory="/", environment={"A": "b c"})
        assert process.events.get(timeout=10) == Told("ps", {"A": "b c"})
        assert process.status is None
    assert ours() == []


def test_another_host_key_is_refused(accesses: dict[str, SshAccess]) -> None:
    wrong = dataclasses.replace(accesses["ps"], host_key=accesses["worker0"].host_key)
    with pytest.raises(RunError, match=r"ps \(127.0.0.1 port 22\): the host key is not the pinned"):
        connect(wrong, timeout=5)


def test_another_user_key_is_refused(accesses: dict[str, SshAccess], tmp_path: Path) -> None:
    stranger = sshd.make_keys(tmp_path, [])
    wrong = dataclasses.replace(accesses["ps"], key_file=stranger.user_key)
    with pytest.raises(RunError, match="refuses the user's key"):
        connect(wrong, timeout=5)


def test_nobody_listens(accesses: dict[str, SshAccess]) -> None:
    with pytest.raises(RunError, match=r"ps \(127.0.0.1 port 1\): .*refused"):
        connect(dataclasses.replace(accesses["ps"], port=1), timeout=5)


def test_commands_and_files(hosts: dict[str, RemoteHost]) -> None:
    host = hosts["ps"]
    done = host.run(["sh", "-c", 'echo "$1"; echo bad >&2; exit 3', "sh", "a 'b' $HOME;\n*"])
    assert (done.status, done.stdout, done.stderr) == (3, "a 'b' $HOME;\n*\n", "bad\n")
    assert host.run(["sh", "-c", "kill -SEGV $$"]).status == -signal.SIGSEGV
    big = host.run(["head", "-c", "3000000", "/dev/zero"])
    assert len(big.stdout) == 3_000_001  # one line, and its end
    with pytest.raises(RunError, match=r"sleep 1000 did not end within 0.2 s"):
        host.run(["sleep", "1000"], timeout=0.2)
    host.upload("/run/trial/ps", {"a/b c": b"\0\xff", "empty": b""})
    assert host.fetch("/run/trial/ps/a/b c", 2) == b"\0\xff"
    assert host.fetch("/run/trial/ps/empty", 0) == b""
    with pytest.raises(RunError, match="2 bytes, more than 1"):
        host.fetch("/run/trial/ps/a/b c", 1)
    with pytest.raises(RunError, match="No such file"):
        host.fetch("/run/trial/ps/none", 1)
    with pytest.raises(ValueError, match="not a path inside"):
        host.upload("/run/trial/ps", {"../x": b""})
    host.remove("/run/trial/ps")


def test_a_full_disk(hosts: dict[str, RemoteHost]) -> None:
    small = Path("/run/small")
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], check=True)
    with pytest.raises(RunError, match="ps: upload to /run/small/ps"):
        hosts["ps"].upload("/run/small/ps", {"big": bytes(1_000_000)})
