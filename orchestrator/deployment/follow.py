"""What the processes of a trial told, and when that means failure. Pure: no clock, no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.deployment.process import Ended, Told, describe_end


@dataclass
class _Process:
    """What is known of one process.

    Attributes:
        since: when it was last heard, or started.
        opens: the event by which it says that others may start; empty: nobody waits for it.
        started: whether it told that it runs.
        reports: whether it is expected to tell its progress.
        opened: whether it has said so, or need not.
        ended: whether its end was seen.
    """

    since: float
    opens: str
    opened: bool
    started: bool = False
    reports: bool = False
    ended: bool = False


@dataclass(frozen=True)
class Failure:
    """Why a trial ends early.

    Attributes:
        host: whose process failed.
        what: what happened, without the host's name.
        rank: 0 for a process that was taken away (killed, dropped), 1 for one that gave up, 2 for
            silence. Of failures that come together the lowest is the likely cause: a parameter
            server gives up because its worker was killed, never the other way round.
    """

    host: str
    what: str
    rank: int


class Watch:
    """Judges the processes of one trial.

    Only JSON events count as being heard: a process that prints warnings makes no progress. A
    process that reports no iterations and that nobody has waited for is judged by its start and its
    end alone, until one that others have waited for has ended; then all that are left must end in
    time.
    """

    def __init__(self, *, start_timeout: float, silence_timeout: float) -> None:
        """Limits in seconds: until a process tells that it runs, and between two events."""
        self._start_timeout = start_timeout
        self._silence_timeout = silence_timeout
        self._processes: dict[str, _Process] = {}
        self.iteration: int | None = None

    def add(self, host: str, now: float, opens: str = "", *, heartbeat: bool = False) -> None:
        """A process was started on `host`; see `ProcessPlan`."""
        self._processes[host] = _Process(
            since=now, opens=opens, opened=not opens, reports=heartbeat or bool(opens)
        )

    @property
    def open(self) -> bool:
        """Whether all have said that others may start, of those that say so."""
        return all(process.opened for process in self._processes.values())

    @property
    def all_ended(self) -> bool:
        """Whether no process is left."""
        return all(process.ended for process in self._processes.values())

    def told(self, message: Told, now: float) -> None:
        """Take in an event."""
        process = self._processes[message.host]
        process.since = now
        process.started = True
        kind = message.event.get("event")
        if kind == process.opens:
            process.opened = True
        elif kind == "iteration":
            process.reports = True
            number = message.event.get("iteration")
            if isinstance(number, int):
                self.iteration = max(number, -1 if self.iteration is None else self.iteration)

    def ended(self, message: Ended, now: float) -> Failure | None:
        """Take in the end of a process; the failure if it did not end well."""
        process = self._processes[message.host]
        process.ended = True
        if message.status == 0 and message.cut_short:
            return Failure(message.host, "ended, but its output did not", rank=1)
        if message.status == 0:
            if not process.opened:
                return Failure(message.host, f"ended before it was {process.opens}", rank=1)
            if process.opens:
                for other in self._processes.values():
                    other.reports = True
                    other.since = now
            return None
        taken = message.status is None or message.status < 0
        return Failure(message.host, describe_end(message.status), rank=0 if taken else 1)

    def deadline(self) -> float:
        """When the next silence becomes a failure, unless something is heard before."""
        return min((self._limit(process) for process in self._alive().values()), default=0.0)

    def overdue(self, now: float) -> Failure | None:
        """The failure of the process that was silent for too long, the longest one first."""
        late = {name: p for name, p in self._alive().items() if now >= self._limit(p)}
        if not late:
            return None
        # the one that hangs was heard before those that wait for it
        name = min(late, key=lambda late_one: late[late_one].since)
        process = late[name]
        if not process.started:
            what = f"told nothing within {self._start_timeout:g} s of its start"
        elif not process.opened:
            what = f"was not {process.opens} within {self._start_timeout:g} s"
        else:
            what = f"silent for {self._silence_timeout:g} s"
        return Failure(name, what, rank=2)

    def _alive(self) -> dict[str, _Process]:
        return {name: p for name, p in self._processes.items() if not p.ended}

    def _limit(self, process: _Process) -> float:
        if not process.started or not process.opened:
            return process.since + self._start_timeout
        return process.since + self._silence_timeout if process.reports else float("inf")

    def progress(self) -> str:
        """How far the trial came, for a message."""
        if self.iteration is None:
            return "before the end of the first iteration"
        return f"after iteration {self.iteration}"


def root_cause(failures: Iterable[Failure]) -> tuple[Failure, list[Failure]]:
    """The likely cause among failures in their order of arrival, and the others."""
    cause, *others = sorted(failures, key=lambda failure: failure.rank)
    return cause, others
