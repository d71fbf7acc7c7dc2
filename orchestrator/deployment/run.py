"""Processes on hosts: ship, start, follow, collect, leave nothing behind."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Protocol

from orchestrator.deployment.company import Company
from orchestrator.deployment.deadline import on_all
from orchestrator.deployment.follow import Failure, Watch, root_cause
from orchestrator.deployment.last_output import last_output
from orchestrator.deployment.plan import PYTHON, RECORDS_LIMIT, ProcessPlan, problems
from orchestrator.deployment.process import Ended, Message, Printed
from orchestrator.errors import RunError

WATCH_SECONDS = 0.5
"""How often to look at what the processes need and cannot tell of, such as the network."""

SETTLE_SECONDS = 0.5
"""How long to listen on after a failure, for the one that caused it."""

GRACE_SECONDS = 1.0
"""How long a process may take to end after SIGTERM."""

CLEANING_SECONDS = 15.0
"""How long stopping and removing may take on a host that hardly answers."""

INTERRUPTED_SECONDS = 2.0
"""The same after Ctrl-C; closing the connections then ends what is left."""

INTERRUPTED_GRACE_SECONDS = 0.5
"""A person who pressed Ctrl-C waits."""


class Process(Protocol):
    """What is used of `RemoteProcess`."""

    @property
    def printed_too_much(self) -> bool: ...
    def tail(self) -> list[str]: ...
    def stop(self, grace: float = ...) -> None: ...


class Host(Protocol):
    """What is used of `RemoteHost`."""

    def upload(self, directory: str, files: Mapping[str, bytes]) -> None: ...
    def fetch(self, path: str, limit_bytes: int, *, needed: bool = ...) -> bytes: ...
    def remove(self, directory: str) -> None: ...
    def start(
        self,
        argv: Sequence[str],
        *,
        directory: str,
        environment: Mapping[str, str] | None = None,
        timeout: float | None = None,
        events: queue.Queue[Message] | None = None,
        name: str = ...,
        tells: bool = ...,
        printed_bytes: int | None = ...,
    ) -> Process: ...


@dataclass(frozen=True)
class Deployment:
    """The hosts of a testbed, and how processes run on them.

    Attributes:
        hosts: the hosts by name.
        python: absolute path of the Python interpreter on the hosts; our own programs need numpy
            with it.
        directory: absolute path on the hosts for the files of processes; it is made by `run` and
            removed when they have ended. A process writes below `directory/NAME` only, so hosts may
            share a file system.
    """

    hosts: Mapping[str, Host]
    python: str
    directory: str

    def run(
        self,
        plans: Collection[ProcessPlan],
        *,
        company: Company | None = None,
        on_event: Callable[[str, dict[str, Any]], None] = lambda _process, _event: None,
        on_print: Callable[[Printed], None] = lambda _printed: None,
        watch: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> dict[str, bytes]:
        """Run processes, each as soon as it may start, until all have ended.

        Args:
            plans: of the processes; those that may start together start in this order.
            company: what runs beside them; they may wait for its processes. What it leaves is
                filled in, also if the run fails.
            on_event: called with a process's name and each event, in the order of arrival.
            on_print: called with every line that a process prints which tells no events.
            watch: called twice a second while the processes run; what it raises ends them.
            clock: seconds; to be replaced in tests.

        Returns:
            The records of each process, or what it printed in their place, by its name.

        Raises:
            ValueError: the plans are impossible, see `problems`.
            RunError: a process could not be started, ended badly, was killed, lost its connection,
                fell silent or took too long. The others were stopped.
        """
        company = company or Company()
        if wrong := problems([*plans, *company.all], self.hosts):
            raise ValueError("; ".join(wrong))
        run = _Run(
            self,
            plans,
            company,
            on_event=on_event,
            on_print=on_print,
            watch=watch,
            clock=clock,
        )
        try:
            records = run.run()
        except RunError as error:
            run.end_company()
            left = run.clean(CLEANING_SECONDS, GRACE_SECONDS)
            if left:
                raise RunError("\n".join([str(error), "cleaning up:", *left])) from error
            raise
        except BaseException:
            run.clean(INTERRUPTED_SECONDS, INTERRUPTED_GRACE_SECONDS)
            raise
        left = run.clean(CLEANING_SECONDS, GRACE_SECONDS)
        if left:
            raise RunError("\n".join(["cleaning up after all had ended:", *left]))
        return records


class _Run:
    """The state of one `Deployment.run`."""

    def __init__(
        self,
        deployment: Deployment,
        plans: Collection[ProcessPlan],
        company: Company,
        *,
        on_event: Callable[[str, dict[str, Any]], None],
        on_print: Callable[[Printed], None],
        watch: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._deployment = deployment
        self._plans = {plan.name: plan for plan in (*company.all, *plans)}
        self._own = [plan.name for plan in plans]
        self._company = company
        self._on_event = on_event
        self._on_print = on_print
        self._clock = clock
        self._watch_others = watch
        self._next_look = clock()
        self._events: queue.Queue[Message] = queue.Queue()
        self._processes: dict[str, Process] = {}
        self._printed: dict[str, list[str]] = {
            plan.name: [] for plan in self._plans.values() if not plan.records
        }
        self._watch = Watch(plans, company.all)

    def run(self) -> dict[str, bytes]:
        for plan in self._plans.values():
            self._host(plan).upload(self._directory(plan), plan.files)
        self._start()
        while not self._watch.have_ended(self._own):
            self._follow()
            self._start()
        self.end_company()
        return {name: self._records(self._plans[name]) for name in self._own}

    def end_company(self) -> None:
        """End all jobs that run beside, and take what they leave."""

        def end(plans: Sequence[ProcessPlan]) -> Callable[[], None]:
            def end_those() -> None:
                for plan in plans:
                    self._take_from(plan)

            return end_those

        for job, plans in self._company.plans.items():
            if self._watch.have_ended([plan.name for plan in plans]):
                self._company.errors.setdefault(job, "ended before the measured job did")
        by_host: dict[str, list[ProcessPlan]] = {}
        for plan in self._company.all:
            by_host.setdefault(plan.host, []).append(plan)
        left = on_all(CLEANING_SECONDS, {name: end(plans) for name, plans in by_host.items()})
        for job in self._company.plans if left else ():
            self._company.errors.setdefault(
                job, "\n".join(["its records are not all there", *left])
            )

    def _take_from(self, plan: ProcessPlan) -> None:
        """End a process of a job beside, and take its records."""
        process = self._processes.get(plan.name)
        if process is None:
            return
        process.stop(INTERRUPTED_GRACE_SECONDS)
        job = self._company.job_of(plan.name)
        assert job is not None
        self._company.records.setdefault(job, {})[plan.name] = self._records(plan)

    def _drop(self, job: str, failure: Failure) -> None:
        """End a job that failed: the run goes on without it."""
        plans = self._company.plans[job]
        self._company.errors[job] = self._said(failure, f"{failure.process}: {failure.what}")
        self._watch.drop([plan.name for plan in plans], self._clock())
        for plan in plans:
            process = self._processes.get(plan.name)
            if process is not None:
                # A process whose host is gone is the run's own trouble, which hears of it itself.
                with suppress(RunError):
                    process.stop(INTERRUPTED_GRACE_SECONDS)

    def clean(self, limit: float, grace: float) -> list[str]:
        """Stop what runs and remove all files; what could not be done, a line each."""

        def clean_host(plans: Sequence[ProcessPlan]) -> None:
            left = []
            for plan in plans:
                process = self._processes.get(plan.name)
                try:
                    if process is not None:
                        process.stop(grace)
                    self._host(plan).remove(self._directory(plan))
                except RunError as error:
                    left.append(str(error))
            if left:
                raise RunError("\n".join(left))

        def cleaner(plans: Sequence[ProcessPlan]) -> Callable[[], None]:
            return lambda: clean_host(plans)

        # A connection is for one thread at a time.
        by_host: dict[str, list[ProcessPlan]] = {}
        for plan in self._plans.values():
            by_host.setdefault(plan.host, []).append(plan)
        return on_all(limit, {name: cleaner(plans) for name, plans in by_host.items()})

    def _host(self, plan: ProcessPlan) -> Host:
        return self._deployment.hosts[plan.host]

    def _directory(self, plan: ProcessPlan) -> str:
        return str(PurePosixPath(self._deployment.directory, plan.name))

    def _start(self) -> None:
        """Start those that wait for nothing any more."""
        while startable := self._watch.startable():
            for plan in startable:
                first, *words = plan.argv
                self._watch.started(plan.name, self._clock())
                try:
                    self._processes[plan.name] = self._host(plan).start(
                        [self._deployment.python if first == PYTHON else first, *words],
                        directory=self._directory(plan),
                        environment=plan.environment,
                        timeout=plan.start_seconds,
                        events=self._events,
                        name=plan.name,
                        tells=plan.events,
                        printed_bytes=None if plan.events else plan.printed_bytes,
                    )
                except RunError as error:
                    job = self._company.job_of(plan.name)
                    if job is None:
                        raise
                    self._drop(job, Failure(plan.name, f"did not start: {error}", rank=1))
                    break

    def _records(self, plan: ProcessPlan) -> bytes:
        if plan.name in self._printed:
            return "".join(self._printed[plan.name]).encode()
        path = str(PurePosixPath(self._directory(plan), plan.records))
        limit = RECORDS_LIMIT if plan.events else plan.printed_bytes
        return self._host(plan).fetch(path, limit, needed=plan.needs_records)

    def _follow(self) -> None:
        """Take in what comes next, or see that nothing has come for too long."""
        if self._clock() >= self._next_look:
            self._watch_others()
            self._next_look = self._clock() + WATCH_SECONDS
        # Before what is still to be taken in, of which there may be very much.
        failure = self._flooded() or self._next(min(self._watch.deadline(), self._next_look))
        if failure is None:
            failure = self._watch.overdue(self._clock())
        if failure is None:
            return
        job = self._company.job_of(failure.process)
        if job is None:
            raise RunError(self._explain(failure))
        if job not in self._company.errors:
            self._drop(job, failure)

    def _flooded(self) -> Failure | None:
        for name, process in self._processes.items():
            if process.printed_too_much:
                most = f"{self._plans[name].printed_bytes / 2**20:g} MiB"
                return Failure(name, f"has printed more than {most}", rank=0)
        return None

    def _next(self, until: float) -> Failure | None:
        """Take in one message, or return at the time `until`."""
        wait = min(max(0.0, until - self._clock()), 3600.0)
        try:
            message = self._events.get(timeout=wait)
        except queue.Empty:
            return None
        if isinstance(message, Ended):
            return self._watch.ended(message, self._clock())
        if isinstance(message, Printed):
            self._watch.printed(message, self._clock())
            if message.stream == "stdout" and message.process in self._printed:
                self._printed[message.process].append(message.text)
            self._on_print(message)
            return None
        self._watch.told(message, self._clock())
        self._on_event(message.process, message.event)
        return None

    def _explain(self, first: Failure) -> str:
        failures = [first]
        end = self._clock() + SETTLE_SECONDS
        while self._clock() < end:
            failure = self._next(end)
            if failure is not None and self._company.job_of(failure.process) is None:
                failures.append(failure)
        cause, others = root_cause(failures)
        text = f"{cause.process}: {cause.what}{self._watch.progress()}"
        if others:
            text += "; then " + ", ".join(f"{other.process}: {other.what}" for other in others)
        return self._said(cause, text)

    def _said(self, cause: Failure, text: str) -> str:
        """A failure with what its process printed last."""
        process = self._processes.get(cause.process)
        tail = last_output(process.tail()) if process else []
        if not tail:
            return f"{text}; it printed nothing"
        # The first line stands by itself: tables show no more of it.
        return "\n".join([text, "its last output:", *(f"    {line}" for line in tail)])
