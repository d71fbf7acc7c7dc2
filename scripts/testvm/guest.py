"""A booted virtual machine, which does its jobs one after the other and switches itself off."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from scripts.testvm.jobs import Job
from scripts.testvm.rootfs import PATH, PROJECT

_ALL = """\
export HOME=/root PATH={path} LANG=C.UTF-8
cd "/{project}"
for job in {names}; do
  begin=$(date +%s)
  bash "/jobs/$job.sh" >"/jobs/$job.log" 2>&1 </dev/null
  echo "$? $(( $(date +%s) - begin ))" >"/jobs/$job.part"
  mv "/jobs/$job.part" "/jobs/$job.status"
done
"""


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        status: its exit status; None if it did not end.
        seconds: how long it took, by the guest's clock.
        said: its log.
    """

    job: Job
    status: int | None
    seconds: int | None
    said: str

    @property
    def passed(self) -> bool:
        return self.status == 0


class Guest:
    """A virtual machine; a context manager, which ends it.

    Attributes:
        folder: its own, with jobs, logs and changes to the disk.
    """

    def __init__(
        self, folder: Path, jobs: Sequence[Job], *, kernel: Path, image: Path, memory: int
    ) -> None:
        """Describe a machine with `memory` MiB; guests share the image, and none changes it."""
        self.folder = folder
        self._jobs = jobs
        shared = folder / "jobs"
        shared.mkdir(parents=True)
        for job in jobs:
            (shared / f"{job.name}.sh").write_text(job.script)
        names = " ".join(job.name for job in jobs)
        (shared / "all").write_text(_ALL.format(path=PATH, project=PROJECT, names=names))
        self._argv = [
            str(kernel), f"mem={memory}M", f"ubd0={folder / 'changes'},{image}", "root=/dev/ubda",
            "rw", "con0=null,fd:1", "con=null", f"umid={folder.name}", f"uml_dir={folder}/uml/",
            f"hostfs={shared}",
        ]  # fmt: skip

    def __enter__(self) -> Guest:
        room = Path("/dev/shm")
        # Its memory is a file: one that no disk writes.
        temporary = room if os.access(room, os.W_OK) else self.folder
        with (self.folder / "console").open("wb") as console:
            self._process = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={**os.environ, "TMPDIR": str(temporary), "HOME": str(self.folder)},
                start_new_session=True,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Its processes are processes here, of the session that began with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self, until: float) -> None:
        """Wait for its end, no longer than until a monotonic time."""
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            return

    def outcomes(self) -> list[Outcome]:
        """How each job ended, so far."""
        return [self._outcome(job) for job in self._jobs]

    def _outcome(self, job: Job) -> Outcome:
        folder = self.folder / "jobs"
        log = folder / f"{job.name}.log"
        said = log.read_text(errors="replace") if log.exists() else ""
        try:
            status, seconds = map(int, (folder / f"{job.name}.status").read_text().split())
        except OSError:
            return Outcome(job, None, None, said)
        return Outcome(job, status, seconds, said)

    def console(self) -> str:
        """What the machine said while it booted."""
        return (self.folder / "console").read_text(errors="replace")
