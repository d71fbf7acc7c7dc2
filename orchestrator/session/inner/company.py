"""The jobs beside a trial's own while it runs: who they are, what they print, what they leave."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import PurePosixPath

from orchestrator.deployment import Company, Deployment, Printed, ProcessPlan
from orchestrator.records.program import PrintedLine, ProgramRecord, dump_lines
from orchestrator.records.trial import BesideRecord
from orchestrator.session.plan.company import Hosts, after_company, company_of
from orchestrator.session.plan.trials import Trial
from orchestrator.session.testbed.protocol import Testbed
from orchestrator.spec import Experiment


class Neighbours:
    """The jobs beside a trial's own.

    Attributes:
        company: as the deployment runs them.
    """

    def __init__(
        self, experiment: Experiment, trial: Trial, testbed: Testbed, deployment: Deployment
    ) -> None:
        """Plan them; none runs yet.

        Raises:
            RunError: the order of a schedule fails.
        """
        hosts = Hosts(
            testbed.addresses, testbed.interfaces, str(PurePosixPath(deployment.python).parent)
        )
        self._experiment = experiment
        self._jobs = company_of(experiment, trial, hosts)
        self._began_ns = time.monotonic_ns()
        self._lines: dict[str, list[PrintedLine]] = {}
        self.company = Company({name: job.plans for name, job in self._jobs.items()})

    def before(self, plans: Mapping[str, ProcessPlan]) -> dict[str, ProcessPlan]:
        """The trial's own processes, which wait for the jobs beside."""
        return after_company(plans, self._jobs)

    def printed(self, printed: Printed) -> None:
        """Take in a line of a program."""
        line = PrintedLine(
            printed.t_ns, "stderr" if printed.stream == "stderr" else "stdout", printed.text
        )
        self._lines.setdefault(printed.process, []).append(line)

    def records(self) -> dict[str, bytes]:
        """What their processes left, by name."""
        contents: dict[str, bytes] = {}
        for name, own in self.company.records.items():
            program = self._experiment.jobs[name].program
            for process, content in own.items():
                contents[process] = (
                    content if program is None else self._of_program(process, content)
                )
        return contents

    def _of_program(self, process: str, content: bytes) -> bytes:
        """What a process printed, and wrote into the file with its throughput."""
        lines = list(self._lines.get(process, ()))
        (plan,) = (plan for plan in self.company.all if plan.name == process)
        if plan.records:
            text = content.decode(errors="replace").splitlines(keepends=True)
            lines += [PrintedLine(None, "file", line) for line in text]
        return dump_lines(lines)

    def beside(self) -> tuple[BesideRecord, ...]:
        """What a trial's record says of them."""
        return tuple(self._record(name) for name in self.company.plans)

    def _record(self, name: str) -> BesideRecord:
        job, processes = self._experiment.jobs[name], tuple(self.company.records.get(name, ()))
        record = BesideRecord(job=job, error=self.company.errors.get(name), processes=processes)
        if job.program is None or not processes:
            return record
        program = self._experiment.programs[job.program]
        ran = ProgramRecord(
            command=program.command,
            processes=processes,
            hosts=program.hosts,
            shipped_bytes=sum(map(len, program.contents().values())),
            throughput=program.throughput,
            warm_up=program.warm_up,
            began_ns=self._began_ns,
            ready_ns=self._began_ns,
            ended_ns=time.monotonic_ns(),
        )
        ways = job.demands(self._experiment.topology).paths.values()
        ports = dict.fromkeys(str(port) for way in ways for port in way)
        return record.model_copy(update={"program": ran, "ports": tuple(ports)})
