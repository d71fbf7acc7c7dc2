"""One trial on its hosts: ship, start, follow, collect, leave nothing behind."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Protocol

from orchestrator.deployment.bundle import ARCHIVE, PACKAGE, code_bundle
from orchestrator.deployment.deadline import on_all
from orchestrator.deployment.follow import Failure, Watch, root_cause
from orchestrator.deployment.plan import ProcessPlan
from orchestrator.deployment.process import Ended, Message
from orchestrator.errors import RunError

RECORDS_LIMIT = 256 * 1024 * 1024
"""A process' records may have this many bytes."""

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

    def tail(self) -> list[str]: ...
    def stop(self, grace: float = ...) -> None: ...


class Host(Protocol):
    """What is used of `RemoteHost`."""

    def upload(self, directory: str, files: Mapping[str, bytes]) -> None: ...
    def fetch(self, path: str, limit_bytes: int) -> bytes: ...
    def remove(self, directory: str) -> None: ...
    def start(
        self,
        argv: Sequence[str],
        *,
        directory: str,
        environment: Mapping[str, str] | None = None,
        timeout: float | None = None,
        events: queue.Queue[Message] | None = None,
    ) -> Process: ...


@dataclass(frozen=True)
class Deployment:
    """The hosts of a testbed, and how the workload runs on them.

    Attributes:
        hosts: the hosts by name; a job's key is the name of the host that it runs on.
        python: absolute path of the Python interpreter on the hosts; it must have numpy.
        directory: absolute path on the hosts for the files of one trial; it is made by `run` and
            removed when the trial ends. Every host writes below `directory/NAME` only, so hosts
            may share a file system.
        code: the files to ship: the package `workloads`, or an archive of it.
    """

    hosts: Mapping[str, Host]
    python: str
    directory: str
    code: Mapping[str, bytes] = field(default_factory=code_bundle, repr=False)

    def run(
        self,
        plans: Mapping[str, ProcessPlan],
        *,
        start_timeout: float,
        silence_timeout: float,
        on_event: Callable[[str, dict[str, Any]], None],
        watch: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> dict[str, bytes]:
        """Run one trial to its end.

        Args:
            plans: the process of each host.
            start_timeout: seconds until a process must tell that it runs, and one that others wait
                for that they may start.
            silence_timeout: seconds that a process may tell nothing while it trains.
            on_event: called with the host's name and each event, in the order of arrival.
            watch: called twice a second while the processes run; what it raises ends the trial.
            clock: seconds; to be replaced in tests.

        Returns:
            The records (JSON lines) of each process, by host.

        Raises:
            RunError: a process could not be started, ended badly, was killed, lost its connection
                or fell silent. The others were stopped.
        """
        trial = _Trial(
            self,
            plans,
            start_timeout=start_timeout,
            silence_timeout=silence_timeout,
            on_event=on_event,
            watch=watch,
            clock=clock,
        )
        try:
            records = trial.run()
        except RunError as error:
            left = trial.clean(CLEANING_SECONDS, GRACE_SECONDS)
            if left:
                raise RunError("\n".join([str(error), "cleaning up:", *left])) from error
            raise
        except BaseException:
            trial.clean(INTERRUPTED_SECONDS, INTERRUPTED_GRACE_SECONDS)
            raise
        left = trial.clean(CLEANING_SECONDS, GRACE_SECONDS)
        if left:
            raise RunError("\n".join(["cleaning up after the trial:", *left]))
        return records


class _Trial:
    """The state of one `Deployment.run`."""

    def __init__(
        self,
        deployment: Deployment,
        plans: Mapping[str, ProcessPlan],
        *,
        start_timeout: float,
        silence_timeout: float,
        on_event: Callable[[str, dict[str, Any]], None],
        watch: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._deployment = deployment
        self._hosts = {name: deployment.hosts[name] for name in plans}
        self._plans = plans
        self._start_timeout = start_timeout
        self._on_event = on_event
        self._clock = clock
        self._watch_others = watch
        self._next_look = clock()
        self._events: queue.Queue[Message] = queue.Queue()
        self._processes: dict[str, Process] = {}
        self._watch = Watch(start_timeout=start_timeout, silence_timeout=silence_timeout)

    def run(self) -> dict[str, bytes]:
        for name, host in self._hosts.items():
            plan = self._plans[name]
            job = {**plan.job, "records": f"{self._directory(name)}/{name}.jsonl"}
            told = {"job.json": json.dumps(job, indent=1).encode()}
            host.upload(self._directory(name), {**self._deployment.code, **plan.files, **told})
        for opening in (True, False):
            for name, plan in self._plans.items():
                if bool(plan.opens) is opening:
                    self._start(name)
            if opening:
                self._follow(lambda: self._watch.open)
        self._follow(lambda: self._watch.all_ended)
        return {
            name: host.fetch(f"{self._directory(name)}/{name}.jsonl", RECORDS_LIMIT)
            for name, host in self._hosts.items()
        }

    def clean(self, limit: float, grace: float) -> list[str]:
        """Stop what runs and remove the trial's files; what could not be done, a line each."""

        def clean_host(name: str) -> None:
            process = self._processes.get(name)
            if process is not None:
                process.stop(grace)
            self._hosts[name].remove(self._directory(name))

        def cleaner(name: str) -> Callable[[], None]:
            return lambda: clean_host(name)

        return on_all(limit, {name: cleaner(name) for name in self._hosts})

    def _directory(self, name: str) -> str:
        return str(PurePosixPath(self._deployment.directory, name))

    def _start(self, name: str) -> None:
        directory = self._directory(name)
        plan = self._plans[name]
        self._watch.add(name, self._clock(), plan.opens, heartbeat=plan.heartbeat)
        self._processes[name] = self._hosts[name].start(
            [self._deployment.python, "-m", PACKAGE, f"{directory}/job.json"],
            directory=directory,
            environment={
                "PYTHONPATH": f"{directory}/{ARCHIVE}:{directory}",
                "PYTHONUNBUFFERED": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            timeout=self._start_timeout,
            events=self._events,
        )

    def _follow(self, reached: Callable[[], bool]) -> None:
        while not reached():
            if self._clock() >= self._next_look:
                self._watch_others()
                self._next_look = self._clock() + WATCH_SECONDS
            failure = self._next(min(self._watch.deadline(), self._next_look))
            if failure is None:
                failure = self._watch.overdue(self._clock())
            if failure is not None:
                raise RunError(self._explain(failure))

    def _next(self, until: float) -> Failure | None:
        """Take in one message, or return at the time `until`."""
        wait = min(max(0.0, until - self._clock()), 3600.0)
        try:
            message = self._events.get(timeout=wait)
        except queue.Empty:
            return None
        if isinstance(message, Ended):
            return self._watch.ended(message, self._clock())
        self._watch.told(message, self._clock())
        self._on_event(message.host, message.event)
        return None

    def _explain(self, first: Failure) -> str:
        failures = [first]
        end = self._clock() + SETTLE_SECONDS
        while self._clock() < end:
            failure = self._next(end)
            if failure is not None:
                failures.append(failure)
        cause, others = root_cause(failures)
        text = f"{cause.host}: {cause.what}, {self._watch.progress()}"
        if others:
            text += "; then " + ", ".join(f"{other.host}: {other.what}" for other in others)
        tail = [line for line in self._processes[cause.host].tail() if line.strip()]
        if not tail:
            return f"{text}; it printed nothing"
        # The first line stands by itself: tables show no more of it.
        return "\n".join([text, "its last output:", *(f"    {line}" for line in tail)])
