"""What the programs inside a box have in common: connections to all hosts, and how they end."""

from __future__ import annotations

import contextlib
import errno
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from orchestrator.deployment import RemoteHost, connect
from orchestrator.emulation.testbed import Testbed
from orchestrator.errors import DmlbedError, Interrupted, MachineError

CONNECT_SECONDS = 15.0


@contextlib.contextmanager
def connected(testbed: Testbed) -> Iterator[dict[str, RemoteHost]]:
    """One SSH connection to every host of the testbed."""
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(connect(access, timeout=CONNECT_SECONDS))
            for name, access in testbed.accesses().items()
        }


def guarded(action: Callable[[], None], stopped: str, disk: Path) -> int:
    """Act in the box, print the lines of an error, and return the exit code.

    Args:
        action: what to do.
        stopped: what to say if a person stops it.
        disk: where it writes.
    """
    error: DmlbedError
    try:
        action()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        error = Interrupted(stopped)
    except DmlbedError as caught:
        error = caught
    except OSError as caught:
        if caught.errno != errno.ENOSPC:
            raise
        error = MachineError(f"no space left on the disk of {disk}", "make space")
    else:
        return 0
    for line in error.lines():
        print(f"dmlbed: {line}", file=sys.stderr)
    return error.exit_code
