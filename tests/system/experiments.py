"""Tiny experiments as files, and what a run of one left behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.session.scale.cache import CalibrationCache
from orchestrator.session.scale.calibration import Attempt, Way
from orchestrator.session.scale.choose import calibration_key
from orchestrator.spec import LINUX_BRIDGE, load_experiment
from tests.system.limits import RATE_DIVISOR
from tests.system.program import ROOT

PUBLISHED = ROOT / "topologies" / "ps-10g-1g-3workers.yaml"
# Small windows: three workers' do not fill a queue, so nothing is lost and sent again.
_EXPERIMENT = """
name: tiny
topology: {topology}
models: [{models}]
schedules: [{schedules}]
iterations: 2
warm_up: 1
cool_down: {cool_down}
repeats: {repeats}
retries: 0 # a busy machine must not make tests last three times as long
scale: {{rates: {rates}, time: {time}}}
switch: {switch}
socket_buffers: {{send: 96 KiB, receive: 96 KiB}}
"""


def write_experiment(
    directory: Path,
    *,
    topology: Path = PUBLISHED,
    models: str = "squeezenet",
    schedules: str = "none, switch-priority",
    repeats: int = 1,
    more: str = "",
    switch: str = LINUX_BRIDGE,
    rates: int = 4,
    cool_down: int = 0,
    same_time: bool = False,
) -> Path:
    """A tiny experiment's file: a quarter of the topology's rates, so the CPU stays idle.

    Rates are divided further where the machine is slower (limits.py).

    Args:
        more: lines to stand at its end.
        same_time: D = R, as programs need it.
    """
    file = directory / "tiny.yaml"
    file.write_text(
        _EXPERIMENT.format(
            topology=topology,
            models=models,
            schedules=schedules,
            repeats=repeats,
            switch=switch,
            rates=rates * RATE_DIVISOR,
            time=rates * RATE_DIVISOR if same_time else 0.4,
            cool_down=cool_down,
        )
        + more
    )
    take_for_carried(file, switch)
    return file


def take_for_carried(file: Path, switch: str = LINUX_BRIDGE) -> None:
    """Remember that this machine carries an experiment's scale, which is in its file.

    So that no run of a test waits for a calibration, or is refused on a machine that is busy.
    """
    experiment = load_experiment(file)
    way = Way(rate_bps=10**9, share=1.0, first=1.0)
    attempt = Attempt(
        rates=experiment.scale.rates, pull=way, push=way, idle=1.0, measured="2025-01-01T00:00"
    )
    for one in (experiment, *(point.experiment for point in experiment.points())):
        CalibrationCache().remember(calibration_key(one, switch), [attempt])


@dataclass(frozen=True)
class StoredTrial:
    """A trial's directory.

    Attributes:
        record: trial.json.
        network: network.json.
    """

    directory: Path
    record: dict[str, Any]
    network: dict[str, Any]

    @property
    def schedule(self) -> str:
        return str(self.record["choices"]["schedule"])

    def events(self, process: str, event: str) -> list[dict[str, Any]]:
        """Records of one kind of a process."""
        lines = (self.directory / f"{process}.jsonl").read_text().splitlines()
        return [record for record in map(json.loads, lines) if record["event"] == event]

    def port(self, name: str) -> dict[str, Any]:
        """Counters of a port."""
        (found,) = (port for port in self.network["ports"] if port["port"] == name)
        return dict(found)

    @property
    def parameters(self) -> str:
        """Digest of the final parameters."""
        (end,) = self.events("ps", "end")
        return str(end["parameters_sha256"])


def assert_ended_well(status: int, said: str) -> None:
    """See that a run finished.

    A machine that other work kept busy makes its figures unusable, which is no fault of the run.
    """
    assert status == 0 or (status == 5 and "no idle CPU" in said), f"{status}: {said}"


def run_directory(out: Path) -> Path:
    """The directory of the only run below `out`."""
    (found,) = (path for path in out.glob("*/*") if path.is_dir())
    return found


def stored_trials(run: Path) -> list[StoredTrial]:
    """The trials of a run in their order."""
    return list(_stored(run))


def _stored(run: Path) -> Iterator[StoredTrial]:
    for directory in sorted((run / "trials").iterdir()):
        yield StoredTrial(
            directory,
            json.loads((directory / "trial.json").read_text()),
            json.loads((directory / "network.json").read_text()),
        )
