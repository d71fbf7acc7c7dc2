"""What the programs inside a box have in common: what they are told, and how they end."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable

from orchestrator.errors import DmlbedError, Interrupted, disk_error
from orchestrator.terminal.streams import finished


def told() -> list[str]:
    """The arguments that `run_boxed` gave to this program."""
    words: list[str] = json.load(sys.stdin)
    return words


def guarded(action: Callable[[], None], stopped: Callable[[], str]) -> int:
    """Act in the box, print the lines of an error, and return the exit code.

    Args:
        action: what to do.
        stopped: what to say if a person stops it.
    """
    error: DmlbedError
    try:
        # The supervisor starts its command with SIGINT blocked; what came so far arrives now.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        action()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        error = Interrupted(stopped())
    except DmlbedError as caught:
        error = caught
    except OSError as caught:
        full = disk_error(caught)
        if full is None:
            raise
        error = full
    else:
        return finished(0)
    for line in error.lines():
        print(f"dmlbed: {line}", file=sys.stderr)
    return error.exit_code
