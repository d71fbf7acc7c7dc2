"""One trial of a user's program: its processes run, its lines are kept, its bytes are counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from orchestrator.analysis.reading.program_trial import Reading, counting, readings_of
from orchestrator.deployment import Deployment, Printed, ProcessPlan
from orchestrator.emulation.limits.capped import CapsMeter
from orchestrator.emulation.ports.shaping import PortShape
from orchestrator.errors import RunError
from orchestrator.records.directory import TRIALS, process_file
from orchestrator.records.program import PrintedLine, ProgramRecord, dump_lines
from orchestrator.records.trial import ScaleRecord, TrialRecord
from orchestrator.session.inner.observed import Observed, Outcome, observed
from orchestrator.session.plan.programs import program_plans, strange_interfaces
from orchestrator.session.plan.trials import Trial
from orchestrator.session.testbed.protocol import Testbed
from orchestrator.spec import Experiment, Program, program_demands
from workloads.schedule.library import get_schedule
from workloads.schedule.schedule import UNSCHEDULED

_SHOWN = 5
"""Lines of a program that a message has."""


class Listener:
    """Hears what the processes of a program print: keeps it, and tells of each reading.

    Attributes:
        lines: of each process, by its name.
        ready_ns: when the program was ready; None as long as it is not.
    """

    def __init__(
        self,
        program: Program,
        plans: Mapping[str, ProcessPlan],
        told: Callable[[str, int, float], None],
    ) -> None:
        """Nothing was printed yet.

        Args:
            program: whose processes print.
            plans: theirs, by rank.
            told: called with a process, the number of its reading from 0, and the reading.
        """
        self._program = program
        self._told = told
        self._count = dict.fromkeys(plans, 0)
        self.began_ns = time.monotonic_ns()
        self.ready_ns = None if program.ready else self.began_ns
        self.lines: dict[str, list[PrintedLine]] = {name: [] for name in plans}

    def heard(self, printed: Printed) -> None:
        """Take in a line."""
        line = PrintedLine(
            printed.t_ns, "stderr" if printed.stream == "stderr" else "stdout", printed.text
        )
        self.lines[printed.process].append(line)
        if self.ready_ns is None and (self._program.ready or "") in printed.text:
            self.ready_ns = printed.t_ns
        if self._program.throughput.file is None:
            value = self._program.throughput.value(printed.text)
            if value is not None:
                self._told(printed.process, self._count[printed.process], value)
                self._count[printed.process] += 1

    def check(self) -> None:
        """See that the program is ready in time.

        Raises:
            RunError: it is not.
        """
        limit = self._program.start_seconds
        if self.ready_ns is None and time.monotonic_ns() - self.began_ns > limit * 1e9:
            raise RunError(
                f"{self._program.name} was not ready within {limit:g} s: none of its processes "
                f"printed {self._program.ready!r}{self.last_lines()}"
            )

    def readings(self) -> list[list[Reading]]:
        """Those that count, by rank.

        Raises:
            RunError: there are none.
        """
        throughput = self._program.throughput
        readings = []
        for name, lines in self.lines.items():
            try:
                readings.append(readings_of(throughput, lines))
            except RunError as error:
                raise RunError(f"{name}: {error}") from None
        return readings

    def last_lines(self) -> str:
        """The end of what the first process printed that printed anything, as lines to follow."""
        for name, lines in self.lines.items():
            if lines:
                last = [f"    {line.text.rstrip()[:500]}" for line in lines[-_SHOWN:]]
                return "\n".join([f"\nthe last output of {name}:", *last])
        return "; they printed nothing"


def run_program(
    experiment: Experiment,
    trial: Trial,
    testbed: Testbed,
    deployment: Deployment,
    on_event: Callable[[str, Mapping[str, Any]], None],
) -> Outcome:
    """Run one trial of a program on a testbed.

    Args:
        on_event: called with a process and each of its readings, as the event `reading`.

    Raises:
        RunError: the network could not be set as asked, or is gone.
    """
    program = experiment.programs[trial.program]
    plans = program_plans(
        program,
        experiment.scale,
        addresses=testbed.addresses,
        interfaces=testbed.interfaces,
        binaries=str(PurePosixPath(deployment.python).parent),
    )
    demands = program_demands(experiment.topology, program)
    listener: Listener | None = None

    def shape() -> tuple[PortShape, ...]:
        return testbed.set_schedule(get_schedule(UNSCHEDULED), demands, counted=True)

    def act(meter: CapsMeter) -> Mapping[str, bytes]:
        nonlocal listener
        first = next(iter(plans))

        def told(process: str, number: int, value: float) -> None:
            if process == first and number >= program.warm_up - 1:
                # What hosts used is measured from the end of the warm-up to the last reading.
                kind = "listening" if number == program.warm_up - 1 else "iteration"
                meter.event(
                    {"event": kind} if kind == "listening" else {"event": kind, "iteration": 0}
                )
            on_event(process, {"event": "reading", "number": number, "value": value})

        listener = Listener(program, plans, told)
        if not program.warm_up:
            meter.event({"event": "listening"})

        def watch() -> None:
            testbed.check()
            listener.check()

        try:
            records = deployment.run(plans.values(), on_print=listener.heard, watch=watch)
        except RunError as error:
            # Tables show the first line only.
            first, *last = str(error).splitlines()
            reason = "; ".join([first, *strange_interfaces(program, testbed.interfaces)])
            place = _where_all_is(trial, first, plans)
            raise RunError("\n".join([reason, *last, place])) from error
        if program.throughput.file is not None:
            for name, content in records.items():
                listener.lines[name] += [
                    PrintedLine(None, "file", line)
                    for line in content.decode(errors="replace").splitlines(keepends=True)
                ]
        try:
            counting(_record(program, plans, listener), listener.readings())
        except RunError as error:
            raise RunError(f"{program.name}: {error}{listener.last_lines()}") from error
        return {}

    known = testbed.strays.running()
    with testbed.link_sampler() as links:
        seen = observed(testbed, shape, (0, 0), act)
    left = testbed.strays.end(known)
    if listener is None:
        raise RunError(seen.error or "the program was not started")
    return Outcome(
        _trial_record(experiment, trial, seen, _record(program, plans, listener, seen.span, left)),
        seen.network.model_copy(update={"links": links.record()}),
        {name: dump_lines(lines) for name, lines in listener.lines.items()},
    )


def _where_all_is(trial: Trial, error: str, plans: Mapping[str, ProcessPlan]) -> str:
    """The file with all that was printed by the process that an error begins with."""
    process = error.partition(":")[0]
    file = process_file(process if process in plans else "HOST")
    return f"all that was printed: {TRIALS}/{trial.directory}/{file} of the run"


def _record(
    program: Program,
    plans: Mapping[str, ProcessPlan],
    listener: Listener,
    span: tuple[int, int] = (0, 0),
    left: tuple[str, ...] = (),
) -> ProgramRecord:
    return ProgramRecord(
        command=program.command,
        processes=tuple(plans),
        hosts=program.hosts,
        shipped_bytes=sum(map(len, program.contents().values())),
        throughput=program.throughput,
        warm_up=program.warm_up,
        began_ns=listener.began_ns,
        ready_ns=listener.ready_ns or listener.began_ns,
        ended_ns=span[1],
        left=left,
        sent=program.sent,
    )


def _trial_record(
    experiment: Experiment, trial: Trial, seen: Observed, program: ProgramRecord
) -> TrialRecord:
    return TrialRecord(
        index=trial.index,
        choices=trial.choices,
        repeat=trial.repeat,
        attempt=trial.attempt,
        outcome="finished" if seen.error is None else "failed",
        error=seen.error,
        seconds=seen.seconds,
        communication=get_schedule(UNSCHEDULED),
        servers=(),
        workers=program.processes,
        batch=experiment.batch,
        iterations=experiment.iterations,
        warm_up=experiment.warm_up,
        cool_down=experiment.cool_down,
        scale=ScaleRecord(rates=experiment.scale.rates, time=experiment.scale.time),
        switch=seen.network.switch,
        program=program,
    )
