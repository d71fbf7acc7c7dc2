"""A run whose conductor may be killed at any step, on a machine that is not there."""

from __future__ import annotations

import contextlib
import io
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from orchestrator.emulation.limits.run_groups import NO_GROUPS
from orchestrator.emulation.switches.choice import SwitchChoice
from orchestrator.records.goodput import GoodputRecord
from orchestrator.records.network import NetworkRecord
from orchestrator.session.inner import run as conductor
from orchestrator.session.inner.observed import Outcome
from orchestrator.session.inner.run import conduct
from orchestrator.session.inner.trial import trial_record
from orchestrator.session.plan.run_plan import RunPlan
from orchestrator.session.plan.trials import Trial
from orchestrator.session.store import results
from orchestrator.session.store.attempts import Attempts
from orchestrator.spec import Experiment
from tests.unit.analysis.fake_trial import FakeTrial
from tests.unit.analysis.record_builder import network_record
from tests.unit.session.examples import experiment

SWITCH = SwitchChoice("linux-bridge", "asked for")
DISTURBED = "001-squeezenet-none-1"
ALL = [DISTURBED, f"{DISTURBED}.2", "002-squeezenet-switch-priority-1"]


def planned(folder: Path) -> RunPlan:
    made = replace(experiment(folder, models="squeezenet", repeats=1), retries=2)
    return RunPlan.made(made, SWITCH, folder / "out" / "tiny")


class Machine:
    """Everything around the conductor. What a trial records hangs on the trial alone.

    Attributes:
        dies_after: how many steps it takes until SIGKILL; None: it lives.
        steps: taken so far: trials begun, and files and directories that were written.
        fails: names of attempts that fail.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._records = count()
        self.dies_after: int | None = None
        self.steps = 0
        self.tried: list[str] = []
        self.fails: set[str] = set()
        self.goodputs = 0
        quiet = Console(file=io.StringIO())

        @contextlib.contextmanager
        def opened(*_: object) -> Iterator[Any]:
            testbed = SimpleNamespace(
                description=str, warnings=list, losses=lambda _: [], check=lambda: None
            )
            yield SimpleNamespace(testbed=testbed, deployment=None)

        sync = results._sync

        def syncing(path: Path) -> None:
            self._step()
            sync(path)

        for name, value in (
            ("messages", lambda: quiet),
            ("opened", opened),
            ("run_trial", self._run_trial),
            ("measure_goodput", self._goodput),
            (
                "reported",
                lambda *_: SimpleNamespace(table="", usable=True),
            ),
            ("Attempts", partial(Attempts, wait=lambda _: True)),
        ):
            monkeypatch.setattr(conductor, name, value)
        monkeypatch.setattr(results, "_sync", syncing)

    def _step(self) -> None:
        self.steps += 1
        if self.steps == self.dies_after:
            os.kill(os.getpid(), signal.SIGKILL)

    def _goodput(self, *_: object) -> GoodputRecord:
        self.goodputs += 1
        return GoodputRecord(left_out="it would take too long")

    def _run_trial(self, made: Experiment, trial: Trial, *_: object) -> Outcome:
        self._step()
        self.tried.append(trial.directory)
        if trial.directory in self.fails:
            error = "worker0: killed"
            record = trial_record(made, trial, error, 1.0, "linux-bridge")
            return Outcome(record, network_record())
        disturbed = trial.directory == DISTURBED
        fake = FakeTrial(
            trial.model, trial.schedule, trial.repeat, trial.index, trial.attempt,
            imgs_per_sec=trial.index + trial.attempt / 4, iterations=made.iterations,
            warm_up=made.warm_up, cool_down=made.cool_down,
            idle=0.01 if disturbed else 0.6, others=1.9 if disturbed else 0.0,
        )  # fmt: skip
        place = fake.write(self._folder / f"records-{os.getpid()}-{next(self._records)}")
        records = {path.name: path.read_bytes() for path in place.iterdir()}
        network = NetworkRecord.model_validate_json(records["network.json"])
        lines = {name.removesuffix(".jsonl"): data for name, data in records.items()}
        record = trial_record(made, trial, None, 1.0, network.switch)
        return Outcome(
            record, network, {name: lines[name] for name in lines if ".json" not in name}
        )

    def dies_running(self, plan: RunPlan, *, goes_on: bool) -> bool:
        """Run a plan in a process of its own; whether it was killed."""
        child = os.fork()
        if child == 0:
            try:
                conduct(plan, NO_GROUPS, "text", goes_on=goes_on)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        return os.WIFSIGNALED(status)
