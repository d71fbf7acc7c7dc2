"""The plan of a run: all that was found out and decided before it, as one JSON document.

It is made once, outside the box, crosses the box's wall, and is kept in run.json. Inside the box,
and when a run goes on later, nothing is read, chosen or looked up again.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from orchestrator.analysis import RUN_FORMAT
from orchestrator.emulation.switches.choice import SwitchChoice
from orchestrator.errors import RunError
from orchestrator.session.plan.provenance import machine_record, versions_of
from orchestrator.session.plan.trials import Trial, plan_trials
from orchestrator.spec import Experiment

Answer = Literal["text", "json", "point-of-json"]
"""How a run ends on standard output; a point of a sweep leaves the JSON object to the sweep."""


@dataclass(frozen=True)
class RunPlan:
    """What a run needs to be run anywhere, at any time, and again.

    Attributes:
        experiment: at its scale; of a sweep the R of its points may still be `auto`.
        switch: the kind of switch, and why that one.
        directory: where its results go.
        started: when it was made, ISO 8601 with time zone.
        versions: program -> version, of those that decide figures.
        machine: for which it was made.
        calibration: how the scale is known; None: of a sweep, for its points tell.
    """

    experiment: Experiment
    switch: SwitchChoice
    directory: Path
    started: str
    versions: Mapping[str, str]
    machine: Mapping[str, Any]
    calibration: Mapping[str, Any] | None = None

    @classmethod
    def made(
        cls,
        experiment: Experiment,
        switch: SwitchChoice,
        place: Path,
        calibration: Mapping[str, Any] | None = None,
        name: str = "",
    ) -> RunPlan:
        """The plan of a run that is to begin now, on this machine.

        Args:
            place: the directory that the run's own is made in.
            name: that of the run's own; else it is made of the time and the digest.
        """
        started = datetime.datetime.now(datetime.UTC)
        return cls(
            experiment=experiment,
            switch=switch,
            directory=place / (name or f"{started:%Y%m%d-%H%M%S}-{experiment.digest()}"),
            started=started.isoformat(timespec="seconds"),
            versions=versions_of(switch),
            machine=machine_record(),
            calibration=calibration,
        )

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        """All trials of the run, in their order; of a plan with a sweep, those of its points."""
        return plan_trials(self.experiment)

    @property
    def remembered(self) -> bool:
        """Whether R is what was remembered of this machine, and nobody has asked for that R."""
        return bool(self.calibration and self.calibration.get("remembered"))

    def record(self) -> dict[str, Any]:
        """The plan as run.json has it, which knows where it lies."""
        return {
            "format": RUN_FORMAT,
            "experiment": self.experiment.to_json(),
            "digest": self.experiment.digest(),
            "started": self.started,
            "versions": dict(self.versions),
            "switch": asdict(self.switch),
            "machine": dict(self.machine),
            "calibration": self.calibration,
        }

    def to_json(self) -> str:
        """The plan as text, for `from_json`."""
        return json.dumps({**self.record(), "directory": str(self.directory)})

    @classmethod
    def from_json(cls, text: str) -> RunPlan:
        """The plan that `to_json` wrote."""
        record = json.loads(text)
        return cls.from_record(record, Path(record["directory"]))

    @classmethod
    def from_record(cls, record: Mapping[str, Any], directory: Path) -> RunPlan:
        """The plan that `record` wrote.

        Raises:
            RunError: it is not whole, or this version does not know something in it.
        """
        try:
            experiment = Experiment.from_resolved(record["experiment"])
            plan = cls(
                experiment=experiment,
                switch=SwitchChoice(**record["switch"]),
                directory=directory,
                started=record["started"],
                versions=record["versions"],
                machine=record["machine"],
                calibration=record["calibration"],
            )
            digest = experiment.digest()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"{type(error).__name__}: {error}"
            raise RunError(f"the plan of {directory} cannot be read: {what}") from error
        if digest != record.get("digest"):
            raise RunError(
                f"the plan of {directory} was changed by hand, or this version reads it otherwise: "
                f"its digest is {digest}, and was {record.get('digest')}"
            )
        return plan
