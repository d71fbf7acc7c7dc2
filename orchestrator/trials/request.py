"""What the outer process asks of the one in the box, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from orchestrator.spec import Experiment, Overrides, load_experiment


@dataclass(frozen=True)
class RunRequest:
    """One `dmlbed run`.

    Attributes:
        experiment: the experiment file, as the person gave it; `-` is standard input.
        overrides: what the command line changes in it.
        out: directory that the run's directory is made in.
        as_json: end with one JSON object on standard output; tables go to standard error. A point
            of a sweep leaves the object to the sweep.
        recalibrate: measure what the machine carries although it is remembered.
        force: run at the scale given although the machine does not carry it.
        calibration: how the scale was settled, for run.json; None before it is.
        point: of a sweep, the label of the one point that is run; None: the whole experiment.
        directory: the run's directory, which must not exist; None: a new one under `out`.
        texts: what stands in the experiment's files, as `Experiment.texts` has it; what is not in
            it is read.
    """

    experiment: Path
    overrides: Overrides
    out: Path
    as_json: bool = False
    recalibrate: bool = False
    force: bool = False
    calibration: Mapping[str, Any] | None = None
    point: str | None = None
    directory: Path | None = None
    texts: Mapping[str, str] = field(default_factory=dict)

    def keeping(self, experiment: Experiment) -> RunRequest:
        """The request with the files as they were read, whatever becomes of them."""
        return replace(self, texts=dict(experiment.texts))

    def load(self) -> Experiment:
        """Read the experiment with its overrides, or the one point of it that is asked for.

        Raises:
            InputError: something in the files or the overrides is wrong.
        """
        experiment = load_experiment(self.experiment, self.overrides, self.texts)
        if self.point is None:
            return experiment
        return {point.label: point.experiment for point in experiment.points()}[self.point]

    def place(self, experiment: str, stamp: str) -> tuple[Path, str, str]:
        """Where the run's directory stands: two directories above it, and the name of each below.

        Args:
            experiment: the experiment's name.
            stamp: the name of a new directory.
        """
        if self.directory is None:
            return self.out, experiment, stamp
        parent = self.directory.parent
        return parent.parent, parent.name, self.directory.name

    def to_json(self) -> str:
        """The request as text, for `from_json`."""
        return json.dumps(
            {
                "experiment": str(self.experiment),
                "overrides": asdict(self.overrides),
                "out": str(self.out),
                "as_json": self.as_json,
                "recalibrate": self.recalibrate,
                "force": self.force,
                "calibration": self.calibration,
                "point": self.point,
                "directory": None if self.directory is None else str(self.directory),
                "texts": dict(self.texts),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> RunRequest:
        """The request that `to_json` wrote."""
        fields = json.loads(text)
        return cls(
            experiment=Path(fields["experiment"]),
            overrides=Overrides(**fields["overrides"]),
            out=Path(fields["out"]),
            as_json=fields["as_json"],
            recalibrate=fields["recalibrate"],
            force=fields["force"],
            calibration=fields["calibration"],
            point=fields["point"],
            directory=None if fields["directory"] is None else Path(fields["directory"]),
            texts=fields["texts"],
        )
