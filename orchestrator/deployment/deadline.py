"""Calls that may hang, bounded from outside; calls on many hosts at once.

paramiko waits without limit in several places (an exec request, an SFTP answer). The call runs in
a daemon thread and the caller waits on an event, which Ctrl-C interrupts at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from orchestrator.errors import RunError

T = TypeVar("T")


class _Call(Generic[T]):
    """One call in its own thread; its result or its exception."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._result: T | None = None
        self.error: BaseException | None = None
        self.done = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self._result = self._call()
        except BaseException as error:  # noqa: BLE001  it is raised again by result()
            self.error = error
        finally:
            self.done.set()

    def result(self) -> T:
        if self.error is not None:
            raise self.error
        return self._result  # type: ignore[return-value]


def within(seconds: float, what: str, call: Callable[[], T]) -> T:
    """The result of `call`, or RunError when it has none after `seconds`.

    The thread of a call that hangs goes on; who calls this closes the connection that it waits for.

    Raises:
        RunError: `what` did not end in time. What `call` raises passes through.
    """
    running = _Call(call)
    if not running.done.wait(seconds):
        raise RunError(f"{what} did not end within {seconds:g} s")
    return running.result()


def on_all(seconds: float, calls: Mapping[str, Callable[[], None]]) -> list[str]:
    """Make one call per host at the same time; the problems, one line per host that has one."""
    running = {name: _Call(call) for name, call in calls.items()}
    end = time.monotonic() + seconds
    problems = []
    for name, call in running.items():
        if not call.done.wait(max(0.0, end - time.monotonic())):
            problems.append(f"{name}: did not answer within {seconds:g} s")
        elif isinstance(call.error, RunError):
            problems.append(str(call.error))
        elif call.error is not None:
            raise call.error
    return problems
