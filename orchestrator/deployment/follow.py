"""What processes told and printed, who may start, and when that means failure.

Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from orchestrator.deployment.plan import After, ProcessPlan
from orchestrator.deployment.process import Ended, Printed, Told, describe_end


@dataclass
class _Process:
    """What is known of one process that was started.

    Attributes:
        begun: when it was started.
        since: when it was last heard, or when its silence began to count.
        counts: whether its silence counts.
        heard: whether anything was heard of it.
        ended: whether its end was seen.
    """

    plan: ProcessPlan
    begun: float
    since: float
    counts: bool
    heard: bool = False
    ended: bool = False


@dataclass(frozen=True)
class Failure:
    """Why a run of processes ends early.

    Attributes:
        process: the name of the one that failed.
        what: what happened, without that name.
        rank: 0 for a process that was taken away (killed, dropped), 1 for one that gave up, 2 for
            silence. Of failures that come together the lowest is the likely cause: a process gives
            up because one that it talks to was killed, never the other way round.
    """

    process: str
    what: str
    rank: int


class Watch:
    """Judges processes by what they say: see `ProcessPlan` for what is expected of each."""

    def __init__(
        self, plans: Collection[ProcessPlan], company: Collection[ProcessPlan] = ()
    ) -> None:
        """Watch processes; none of them runs yet.

        Args:
            plans: of the run's own.
            company: of jobs beside, which say nothing of how far the run is.
        """
        self._beside = {plan.name for plan in company}
        # Those beside first: others wait for them.
        plans = (*company, *plans)
        self._plans = {plan.name: plan for plan in plans}
        self._waited_for = {after for plan in plans for after in plan.after}
        self._reached: set[After] = set()
        self._processes: dict[str, _Process] = {}
        self._furthest: tuple[str, int] | None = None

    def startable(self) -> list[ProcessPlan]:
        """Those that have not been started, and wait for nothing any more; in their order."""
        return [
            plan
            for plan in self._plans.values()
            if plan.name not in self._processes and self._reached.issuperset(plan.after)
        ]

    def started(self, name: str, now: float) -> None:
        """A process was started."""
        plan = self._plans[name]
        self._processes[name] = _Process(plan, begun=now, since=now, counts=plan.heartbeat)
        self._reached.add(After(name, "started"))

    @property
    def all_started(self) -> bool:
        """Whether none is left to be started."""
        return len(self._processes) == len(self._plans)

    @property
    def all_ended(self) -> bool:
        """Whether none is left to be started, nor to end."""
        return self.all_started and not self._alive()

    def have_ended(self, names: Collection[str]) -> bool:
        """Whether all of these were started, and have ended."""
        return all(name in self._processes and self._processes[name].ended for name in names)

    def drop(self, names: Collection[str], now: float) -> None:
        """Forget processes that run no more, or never will: nobody waits for them any longer."""
        for name in names:
            plan = self._plans[name]
            process = self._processes.setdefault(name, _Process(plan, now, now, counts=False))
            process.ended = True
        self._reached |= {after for after in self._waited_for if after.process in names}

    def told(self, message: Told, now: float) -> None:
        """Take in an event."""
        process = self._heard(message.process, now)
        kind = message.event.get("event")
        if isinstance(kind, str):
            self._reached.add(After(message.process, "event", kind))
        if kind and kind == process.plan.progress:
            process.counts = True
            number = message.event.get(process.plan.progress)
            if isinstance(number, int) and message.process not in self._beside:
                kind_before, before = self._furthest or (kind, number)
                self._furthest = (kind, max(number, before) if kind_before == kind else number)

    def printed(self, message: Printed, now: float) -> None:
        """Take in a line of a program that tells no events."""
        self._heard(message.process, now)
        self._reached |= {
            after
            for after in self._waited_for
            if after.what == "printed"
            and after.process == message.process
            and after.text in message.text
        }

    def _heard(self, name: str, now: float) -> _Process:
        process = self._processes[name]
        process.since = now
        process.heard = True
        return process

    def ended(self, message: Ended, now: float) -> Failure | None:
        """Take in the end of a process; the failure if it did not end well."""
        name = message.process
        process = self._processes[name]
        process.ended = True
        if message.status != 0:
            taken = message.status is None or message.status < 0
            return Failure(name, describe_end(message.status), rank=0 if taken else 1)
        if message.cut_short:
            return Failure(name, "ended, but its output did not", rank=1)
        for after in self._owed(name):
            return Failure(name, f"ended before it {after.done()}", rank=1)
        self._reached.add(After(name, "exit"))
        for other in self._processes.values():
            if any(after.process == name for after in other.plan.after):
                other.counts = True
                other.since = now
        return None

    def deadline(self) -> float:
        """When something becomes a failure, unless something is heard before."""
        limits = (self._limit(process) for process in self._alive().values())
        return min((time for time, _ in limits), default=0.0)

    def overdue(self, now: float) -> Failure | None:
        """The failure of a process that was waited for too long: of several, the longest one."""
        late = {name: p for name, p in self._alive().items() if now >= self._limit(p)[0]}
        if not late:
            return None
        # the one that hangs was heard before those that wait for it
        name = min(late, key=lambda late_one: late[late_one].since)
        return Failure(name, self._limit(late[name])[1], rank=2)

    def _alive(self) -> dict[str, _Process]:
        return {name: p for name, p in self._processes.items() if not p.ended}

    def _owed(self, name: str) -> list[After]:
        """What others wait for that a process has not said."""
        return sorted(
            (
                after
                for after in self._waited_for - self._reached
                if after.process == name and after.text
            ),
            key=lambda after: after.text,
        )

    def _limit(self, process: _Process) -> tuple[float, str]:
        """Until when a process may go on as it does, and what is wrong with it then."""
        plan = process.plan
        limits = []
        start = f"within {_rounded(plan.start_seconds)} s"
        if plan.events and not process.heard:
            limits.append(
                (process.begun + plan.start_seconds, f"told nothing {start} of its start")
            )
        else:
            limits += [
                (process.begun + plan.start_seconds, f"{after.left_undone()} {start}")
                for after in self._owed(plan.name)
            ]
            if process.counts and plan.silence_seconds is not None and not limits:
                silence = plan.silence_seconds
                limits.append((process.since + silence, f"silent for {_rounded(silence)} s"))
        if plan.limit_seconds is not None:
            limit = plan.limit_seconds
            limits.append((process.begun + limit, f"did not end within {_rounded(limit)} s"))
        return min(limits, default=(float("inf"), ""), key=lambda one: one[0])

    def progress(self) -> str:
        """How far the processes came, as the end of a message; empty if none tells."""
        if self._furthest is not None:
            return ", after {} {}".format(*self._furthest)
        for plan in self._plans.values():
            if plan.progress:
                return f", before the end of the first {plan.progress}"
        return ""


def root_cause(failures: Iterable[Failure]) -> tuple[Failure, list[Failure]]:
    """The likely cause among failures in their order of arrival, and the others."""
    cause, *others = sorted(failures, key=lambda failure: failure.rank)
    return cause, others


def _rounded(seconds: float) -> str:
    """Seconds as a person reads them."""
    return f"{round(seconds, 1):g}"
