"""A real `python -m workloads JOB.json` that need not load Python and numpy once more.

It is forked off the process of the tests, which has loaded them: that takes a hundredth of the CPU
time. System tests start the same program from nothing, hundreds of times.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import NoReturn

from workloads.__main__ import main


class Forked:
    """The process, with what `subprocess.Popen` has of one.

    Attributes:
        pid: its id.
        stdout: what it says there, line by line.
        returncode: as in `subprocess`; None until somebody has waited for its end.
    """

    def __init__(self, job_file: Path, directory: Path) -> None:
        """Start it in a directory."""
        out, childs_out = os.pipe()
        self._err, childs_err = os.pipe()
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            _become(job_file, directory, childs_out, childs_err)
        os.close(childs_out)
        os.close(childs_err)
        self.stdout = os.fdopen(out, encoding="utf-8")

    def send_signal(self, number: int) -> None:
        """As long as nobody has waited for its end."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self) -> int:
        """Wait for its end; its exit status."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def communicate(self, timeout: float) -> tuple[int, str]:
        """Let it say all that it has to say, and wait for its end.

        Returns:
            Exit status, and what came on standard error.

        Raises:
            TimeoutError: it has not ended within so many seconds.
        """
        deadline, said = time.monotonic() + timeout, bytearray()
        with selectors.DefaultSelector() as selector:
            for stream in (self._err, *([] if self.stdout.closed else [self.stdout.fileno()])):
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    raise TimeoutError(f"process {self.pid} did not end within {timeout:g} s")
                for key, _ in ready:
                    data = os.read(key.fd, 65536)
                    if not data:
                        selector.unregister(key.fd)
                    elif key.fd == self._err:
                        said += data
        return self.wait(), said.decode()

    def close(self) -> None:
        """End it, if it has not ended."""
        self.kill()
        self.wait()
        self.stdout.close()
        os.close(self._err)


def _become(job_file: Path, directory: Path, out: int, err: int) -> NoReturn:
    """Be the program, with nothing of the tests' but what has been imported."""
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        sys.stdout, sys.stderr = open(1, "w"), open(2, "w")  # noqa: SIM115
        os.chdir(directory)
        sys.argv = ["workloads", str(job_file)]
        main()
    except BaseException:  # noqa: BLE001 (it ends here)
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(1)
