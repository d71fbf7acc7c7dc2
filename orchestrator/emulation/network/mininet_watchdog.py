"""Watches over Mininet while it builds, because it waits for its shells without a time limit."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from orchestrator.emulation.network.mininet_parts import Node
from orchestrator.errors import RunError

_PERIOD_SECONDS = 0.2


@contextlib.contextmanager
def shells_watched() -> Iterator[None]:
    """Ends the body when the shell of one of Mininet's nodes has ended; on the main thread only.

    Mininet keeps both ends of a shell's terminal open, so a read from it never fails: only a
    signal gets it out of there. A timer's comes again if it comes at a bad moment.

    Raises:
        RunError: a node's shell is gone, or Mininet gave up; names it.
    """
    before = signal.signal(signal.SIGALRM, _look)
    signal.setitimer(signal.ITIMER_REAL, _PERIOD_SECONDS, _PERIOD_SECONDS)
    try:
        yield
    except Exception as error:
        _check()
        if type(error) is Exception:  # what Mininet raises when one of its commands fails
            raise RunError(f"Mininet cannot build the network: {error}") from error
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _look(number: int, frame: FrameType | None) -> None:
    del number, frame
    _check()


def _check() -> None:
    for node in tuple(Node.outToNode.values()):
        if node.shell is not None and node.shell.poll() is not None:
            raise RunError(f"node {node.name} of the testbed is gone: its process was ended")
