"""The process that times layers and networks with PyTorch, apart from ours: pinned, and alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from types import TracebackType
from typing import IO, Any, Self

from orchestrator.errors import MachineError, RunError

_MODULE = "workloads.torch_models.layer_times"


class Timer:
    """Asks a process that runs as long as the `with` block.

    Args:
        threads: that compute; it is pinned to as many CPUs.

    Attributes:
        about: what the process says of itself: version of PyTorch, CPUs.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed at exit)
        self._process: subprocess.Popen[str]
        self.about: Mapping[str, Any] = {}

    def __enter__(self) -> Self:
        if find_spec("torch") is None:
            message = "to time layers takes PyTorch, which is not installed"
            raise MachineError(message, "`make setup-torch`, or learn from a table with --from")
        self._process = subprocess.Popen(
            [sys.executable, "-m", _MODULE, str(self._threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(self._threads)},
        )
        self.about = self._answer("its start")
        return self

    def __call__(self, asked: Mapping[str, Any]) -> dict[str, float]:
        """Seconds by pass of a layer or network.

        Raises:
            RunError: the process ended.
        """
        told = self._process.stdin
        if told is None:
            raise RunError("the process that times layers has no standard input")
        with suppress(OSError):  # if it is gone, the missing answer says so with its last line
            told.write(json.dumps(asked) + "\n")
            told.flush()
        return dict(self._answer(json.dumps(asked)))

    def _answer(self, asked: str) -> Mapping[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            self._process.wait()
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace").strip().splitlines()
            last = said[-1] if said else f"exit code {self._process.returncode}"
            raise RunError(f"timing failed at {asked}: {last}")
        answer: Mapping[str, Any] = json.loads(line)
        return answer

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                with suppress(OSError):  # what was not told to it is of no use any more
                    stream.close()
