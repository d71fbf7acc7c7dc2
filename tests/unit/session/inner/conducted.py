"""A conductor with everything around it in place of a testbed."""

from __future__ import annotations

import contextlib
import io
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from orchestrator.emulation.limits.run_groups import NO_GROUPS
from orchestrator.emulation.switches.choice import SwitchChoice
from orchestrator.errors import RunError
from orchestrator.records.goodput import GoodputRecord
from orchestrator.records.network import ControllerRecord, LossRecord
from orchestrator.session.inner import run as conductor
from orchestrator.session.inner.observed import Outcome
from orchestrator.session.inner.program import guarded
from orchestrator.session.inner.run import conduct
from orchestrator.session.inner.trial import trial_record
from orchestrator.session.plan.run_plan import Answer, RunPlan
from orchestrator.session.plan.trials import Trial
from orchestrator.session.store import reported
from orchestrator.session.store.results import ResultsDirectory
from orchestrator.spec import Experiment
from tests.unit.analysis.record_builder import network_record
from tests.unit.session.examples import experiment

ANSWER = {"run": "results/tiny/1", "rows": [{"model": "googlenet"}]}


class FakeTestbed:
    """A testbed without a network."""

    work_directory = "/run/t/work"

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def __enter__(self) -> FakeTestbed:
        self._stage.log.append("up")
        if self._stage.does_not_come_up:
            raise self._stage.does_not_come_up
        return self

    def __exit__(self, *_: object) -> None:
        self._stage.log.append("down")

    def description(self) -> str:
        return "4 hosts"

    def warnings(self) -> tuple[str, ...]:
        return ()

    def losses(self, _since_ns: int) -> tuple[LossRecord, ...]:
        return self._stage.losses_before

    def check(self) -> None:
        if self._stage.gone_after == self._stage.tried:
            raise RunError("host worker1 of the testbed is gone")


class Stage:
    """Everything around the conductor; a test says how each trial ends.

    Attributes:
        outcomes: by trial index, what it ends with; the others finish.
        usable: what the report says.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.out = folder / "out"
        switch = SwitchChoice("linux-bridge", "asked for")
        self.plan = RunPlan.made(experiment(folder, repeats=1), switch, self.out / "tiny")
        self.answer: Answer = "text"
        self.tried_trials: list[Trial] = []
        self.outcomes: dict[int, str | BaseException] = {}
        self.does_not_come_up: BaseException | None = None
        self.gone_after: int | None = None
        self.tried = 0
        self.usable = True
        self.losses: tuple[LossRecord, ...] = ()
        self.losses_before: tuple[LossRecord, ...] = ()
        self.goodput = GoodputRecord(failed="worker0: killed\nits last output: none")
        self.reports: list[Path] = []
        self.given_to_caller: list[Path | None] = []
        self.log: list[str] = []
        self.screen = io.StringIO()
        self.printed = io.StringIO()
        for name, text in (("messages", self.screen), ("answers", self.printed)):
            console = Console(file=text, width=100, force_terminal=False)
            monkeypatch.setattr(reported, name, lambda console=console: console)
        messages = Console(file=self.screen, width=100, force_terminal=False)
        monkeypatch.setattr(conductor, "messages", lambda: messages)

        @contextlib.contextmanager
        def opened(*_: object) -> Iterator[SimpleNamespace]:
            with FakeTestbed(self) as testbed:
                yield SimpleNamespace(testbed=testbed, deployment=None)

        monkeypatch.setattr(conductor, "opened", opened)
        monkeypatch.setattr(conductor, "run_trial", self._run_trial)
        monkeypatch.setattr(conductor, "measure_goodput", lambda *_: self.goodput)
        monkeypatch.setattr(reported, "report", self._report)
        monkeypatch.setattr(
            ResultsDirectory,
            "give_to_caller",
            lambda results: self.given_to_caller.append(results.path),
        )
        # The conductor's process ignores Ctrl-C at its end; that of the tests must not.
        monkeypatch.setattr(signal, "signal", lambda *_: None)

    def _run_trial(self, made: Experiment, trial: Trial, *_: object) -> Outcome:
        self.tried += 1
        self.tried_trials.append(trial)
        end = self.outcomes.get(trial.index)
        if isinstance(end, BaseException):
            raise end
        network = network_record(controller=ControllerRecord(losses=self.losses))
        record = trial_record(made, trial, end, 1.0, network.switch)
        return Outcome(record, network, {"ps": b""})

    def _report(self, path: Path) -> SimpleNamespace:
        self.reports.append(path)
        return SimpleNamespace(
            table="the table",
            summary=None,
            as_json=lambda: ANSWER,
            usable=self.usable,
            why_unusable="why",
        )

    def conduct(self) -> None:
        conduct(self.plan, NO_GROUPS, self.answer)

    def guarded(self) -> int:
        return guarded(self.conduct, lambda: "stopped, as it says")

    def kept(self) -> list[str]:
        return sorted(path.name for path in self.out.glob("tiny/*/trials/*"))
