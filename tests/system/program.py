"""Starts dmlbed, or a pytest inside a box, the way a person's shell would."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from tests.system.limits import patience

ROOT = Path(__file__).parents[2]
# Generous: it only bounds a hang, no test measures by it.
PATIENCE = patience(90.0)

_DMLBED = [sys.executable, "-c", "from orchestrator.cli.main import main; main()"]
_BOX = [
    sys.executable,
    "-c",
    "import sys; from orchestrator.emulation.box.box import run_in_box; "
    "sys.exit(run_in_box(sys.argv[1:]))",
]
_PYTEST = ["-m", "pytest", "-q", "--durations=10", "-rN", "-p", "no:cacheprovider"]
PRIVATE_MACHINE = [
    "unshare", "--net", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc", "--",
]  # fmt: skip


def dmlbed_argv(*arguments: str | Path) -> list[str]:
    """Argument list of a dmlbed command."""
    return [*_DMLBED, *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    """This process's environment, with which `orchestrator` is found from everywhere."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **more}


def dmlbed(
    *arguments: str | Path, before: Sequence[str] = (), **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a dmlbed command to its end, through the command `before` if one is given.

    Args:
        arguments: of the command.
        before: command that it is run through.
        more: environment variables.
    """
    return subprocess.run(
        [*before, *dmlbed_argv(*arguments)],
        cwd=ROOT,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )


def pytest_passes(inside: str, before: Sequence[str], **more: str) -> str:
    """See that the tests in a file beside this one pass when run through `before`.

    Returns:
        What they printed.
    """
    done = subprocess.run(
        [*before, sys.executable, "-B", *_PYTEST, str(Path(__file__).with_name(inside))],
        cwd=ROOT,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert " skipped" not in done.stdout
    return done.stdout


def pytest_passes_in_a_box(inside: str) -> None:
    """See that the tests in a file beside this one pass in a separate box."""
    pytest_passes(inside, _BOX)


class Running:
    """A dmlbed command that runs while the test goes on; killed at the end of the context."""

    def __init__(self, argv: Sequence[str], **more: str) -> None:
        self.process = subprocess.Popen(
            argv,
            cwd=ROOT,
            env=environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # its own process group, as a shell gives it, so that Ctrl-C can be sent
            start_new_session=True,
        )
        self.stdout: list[str] = []
        self.stderr: list[str] = []
        self._arrived: queue.Queue[str] = queue.Queue()
        self._readers = [
            threading.Thread(target=self._read_stdout, daemon=True),
            threading.Thread(target=self._read_stderr, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()

    def wait_for(self, text: str) -> None:
        """Wait until a line with `text` has come on stderr."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                line = self._arrived.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{text!r} never came; but:\n{self.said()}") from None
            if text in line:
                return

    def press_ctrl_c(self) -> None:
        """SIGINT to the whole process group, as a terminal sends it."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> int:
        """Wait for the command's end; its exit status."""
        status = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        return status

    def said(self) -> str:
        """All of stderr so far."""
        return "".join(self.stderr)

    def _read_stdout(self) -> None:
        assert self.process.stdout is not None
        self.stdout.extend(self.process.stdout)

    def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.stderr.append(line)
            self._arrived.put(line)


def errors_in(stderr: str) -> list[str]:
    """The lines in which dmlbed says why it did not end well."""
    return [line for line in stderr.splitlines() if line.startswith("dmlbed: ")]


def wait_until(reached: Callable[[], bool]) -> None:
    """Wait until a function returns True."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline, "never reached"
        time.sleep(0.02)
