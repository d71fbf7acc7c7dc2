"""Removes a run's cgroup directories when nothing else does. Standard library only.

Everything else of a testbed goes with its box; cgroup directories do not. The process that makes
them removes them. If it is killed, this one does, which it started beside the box:

    python guardian.py DIRECTORY... < pipe whose write end only that process holds

At the end of the pipe it waits until no process is left in the directories, removes them and ends.
It has no terminal, its own process group, and no open file but the pipe.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

WAIT_SECONDS = 300.0
"""The box is gone within moments; what is not by then is left to the next command."""
_LONGEST_PAUSE = 1.0


def remove(directories: Iterable[Path]) -> list[Path]:
    """Try once to remove cgroups with all below them; those that are left.

    A cgroup that holds a process cannot be removed, so nothing that lives is ever harmed.
    """
    left = []
    for top in directories:
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        if top.exists():
            left.append(top)
    return left


def remove_when_empty(
    directories: Sequence[Path],
    seconds: float,
    *,
    attempt: Callable[[Iterable[Path]], list[Path]] = remove,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Path]:
    """Remove cgroups as soon as no process is in them; those that are left after `seconds`."""
    end = clock() + seconds
    pause = 0.02
    left = attempt(directories)
    while left and clock() < end:
        sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
        left = attempt(left)
    return left


def main(argv: Sequence[str]) -> int:
    """Wait for the end of standard input, then remove."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    os.chdir("/")
    while os.read(0, 4096):
        pass
    return 1 if remove_when_empty([Path(name) for name in argv], WAIT_SECONDS) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
