"""Conducts a bench: runs inside the box, on one testbed for all that is compared.

Started as `python -m orchestrator.session.inner.bench PLAN GROUPS SECONDS SAMPLES ANSWER`
by bench.py.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import fmean
from typing import Any, Literal

from orchestrator.analysis.tables.bench.figures import bench_figures
from orchestrator.analysis.tables.bench.table import bench_table
from orchestrator.emulation.limits.awake import Awake, cpus_to_keep_awake
from orchestrator.emulation.limits.idle import IdleSampler
from orchestrator.emulation.limits.run_groups import RunGroups
from orchestrator.errors import RunError
from orchestrator.records.bench import BenchRecord
from orchestrator.records.directory import BENCH, IDLE, exchange_file, iperf_file
from orchestrator.session.inner.program import guarded, told
from orchestrator.session.inner.progress import RunProgress
from orchestrator.session.inner.trial import run_trial
from orchestrator.session.plan.jobs import plans_of
from orchestrator.session.plan.run_plan import RunPlan
from orchestrator.session.probes.bench import SCHEDULE, bench_probe, bench_record
from orchestrator.session.probes.iperf import CLIENT, WAYS, iperf_plans, parse_report
from orchestrator.session.store.results import ResultsDirectory, json_file
from orchestrator.session.testbed.opened import Opened, opened
from orchestrator.terminal.console import answers, messages, say
from orchestrator.terminal.streams import prepare
from workloads.schedule.library import get_schedule


class Bench:
    """One bench on a running testbed."""

    def __init__(
        self,
        plan: RunPlan,
        what: BenchRecord,
        up: Opened,
        results: ResultsDirectory,
    ) -> None:
        self._experiment, self._trials = plan.experiment, plan.trials
        self._what = what
        self._up = up
        self._results = results
        self._idle: dict[str, float] = {}

    def measure(self, progress: RunProgress) -> int:
        """Measure everything, the short things first; returns how many trainings failed.

        Raises:
            RunError: a process or the testbed failed.
        """
        self._up.testbed.set_schedule(get_schedule(SCHEDULE))
        for way in WAYS:
            progress.say(f"iperf3, {way}: {self._what.seconds:g} s")
            self._iperf(way)
        self._exchange("goodput", "traffic", progress)
        self._exchange("urgent", "urgent", progress)
        self._results.keep({IDLE: json_file(self._idle)})
        failed = 0
        for trial in self._trials:
            progress.start(trial)
            outcome = run_trial(
                self._experiment, trial, self._up.testbed, self._up.deployment, progress.event
            )
            self._results.store(trial, outcome.files())
            progress.finish(trial, outcome.error)
            failed += outcome.error is not None
            self._up.testbed.check()
        return failed

    def _iperf(self, way: str) -> None:
        what, up = self._what, self._up
        plans = iperf_plans(
            what.server,
            what.worker,
            up.testbed.addresses,
            way=way,
            ramp=what.ramp_seconds,
            seconds=what.seconds,
        )
        with self._sampled(f"iperf3-{way}"):
            printed = up.deployment.run(plans, watch=up.testbed.check)
        report = parse_report(printed[CLIENT])
        self._results.keep({iperf_file(way): json_file(report)})

    def _exchange(
        self, name: str, kind: Literal["traffic", "urgent"], progress: RunProgress
    ) -> None:
        probe = bench_probe(self._experiment, self._what, kind)
        progress.say(f"{name}: {probe.seconds:.1f} s")
        with self._sampled(name):
            plans = plans_of(self._experiment, probe.work, self._up.testbed.addresses)
            records = self._up.deployment.run(plans.values())
        self._results.keep({exchange_file(name, host): data for host, data in records.items()})
        self._up.testbed.check()

    @contextmanager
    def _sampled(self, name: str) -> Iterator[None]:
        cpus = cpus_to_keep_awake(self._up.testbed.switch_kind)
        with Awake(cpus) as awake, IdleSampler(awake=awake.used_seconds) as sampler:
            yield
        if sampler.samples:
            self._idle[name] = fmean(share for _, share in sampler.samples)


def conduct(plan: RunPlan, groups: RunGroups, seconds: int, samples: int, as_json: bool) -> None:
    """Run a bench and say what came of it.

    Raises:
        DmlbedError: the bench ended early, or a training of it failed.
        KeyboardInterrupt: a person stopped it.
    """
    experiment, switch = plan.experiment, plan.switch
    what = bench_record(experiment, seconds, samples)
    results = ResultsDirectory(plan.directory, {**plan.record(), "bench": what.model_dump()})
    try:
        with RunProgress(experiment, plan.trials, messages()) as progress:
            for note in experiment.notes:
                progress.say(f"note: {note}")
            progress.say(f"building the testbed of {experiment.topology.name}, {experiment.scale}")
            progress.say(f"switches: {switch.kind} ({switch.why})")
            with opened(experiment, switch.kind, groups) as up:
                failed = Bench(plan, what, up, results).measure(progress)
        _report(results, as_json)
    finally:
        results.give_to_caller()
    if failed:
        raise RunError(f"{failed} of {len(plan.trials)} trainings failed")


def _report(results: ResultsDirectory, as_json: bool) -> None:
    if results.path is None:
        raise RunError("the bench has measured nothing")
    figures = bench_figures(results.path)
    answer: dict[str, Any] = {"figures": [figure.as_json() for figure in figures]}
    results.keep({BENCH: json_file(answer)})
    console = messages() if as_json else answers()
    console.print(bench_table(figures))
    say(console, f"records: {results.path}")
    if as_json:
        print(json.dumps({"run": str(results.path), **answer}), flush=True)


def main() -> None:
    """Entry point of the conducting process."""
    prepare()
    planned, made, seconds, samples, answer = told()
    plan, groups = RunPlan.from_json(planned), RunGroups.from_json(made)

    def act() -> None:
        conduct(plan, groups, int(seconds), int(samples), answer == "json")

    sys.exit(guarded(act, lambda: "stopped; what had been measured is kept"))


if __name__ == "__main__":
    main()
