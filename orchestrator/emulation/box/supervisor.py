"""PID 1 of a box: prepares its namespaces, runs one command, reaps orphans, ends with the command.

Started as `python -m orchestrator.emulation.box.supervisor LIFE_LINE -- COMMAND...` by box.py. When
it ends, the kernel ends every other process of the box.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from orchestrator.emulation.box.box import STOP
from orchestrator.terminal import streams

RUN_DIRECTORY = "/run"
MACHINE_PROC = Path(RUN_DIRECTORY, "machine-proc")
"""In the box: /proc of the machine, whose other processes share the CPUs with the testbed."""


def prepare() -> None:
    """Set up a loopback, a private /proc, and a tmpfs for run state that ends with the box."""
    options = "mode=0755,nosuid,nodev"
    # without --no-mtab, mount first makes its own /run/mount: on the machine's /run
    mount = ["mount", "--no-mtab"]
    for argv in (
        [*mount, "-t", "tmpfs", "-o", options, "dmlbed", RUN_DIRECTORY],
        ["mkdir", "--mode=0700", str(MACHINE_PROC)],
        [*mount, "--rbind", "/proc", str(MACHINE_PROC)],
        [*mount, "-t", "proc", "-o", "nosuid,nodev,noexec", "proc", "/proc"],
        ["ip", "link", "set", "lo", "up"],
    ):
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def supervise(life_line: int, argv: Sequence[str]) -> int:
    """Run `argv`, with SIGINT blocked; returns its exit status, 128 + n if signal n ended it.

    Returns 137 at once when the life line breaks: the outer process is gone.
    """
    wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    # A request to stop waits until the command is ready for it, and has unblocked the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    command = subprocess.Popen(argv)
    # Only now: an ignored signal would be ignored by the command as well.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([life_line, wake_read], [], [])
        if life_line in ready:
            request = os.read(life_line, 1)
            if request == STOP:
                os.kill(command.pid, signal.SIGINT)
            elif not request:
                return 128 + signal.SIGKILL
        if wake_read in ready:
            os.read(wake_read, 4096)
        status = _reap(command.pid)
        if status is not None:
            return status


def _reap(wanted: int) -> int | None:
    """Reap all that have ended; the exit status of `wanted` once it is among them."""
    exit_status = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return exit_status
        if pid == 0:
            return exit_status
        if pid == wanted:
            code = os.waitstatus_to_exitcode(status)
            exit_status = code if code >= 0 else 128 - code


def main() -> None:
    """Entry point of the box's first process."""
    life_line = int(sys.argv[1])
    try:
        prepare()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"dmlbed: cannot prepare the testbed's namespaces: {error}", file=sys.stderr)
        sys.exit(3)
    sys.exit(supervise(life_line, sys.argv[3:]))


if __name__ == "__main__":
    streams.prepare()
    main()
