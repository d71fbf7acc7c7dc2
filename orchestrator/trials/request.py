"""What the outer process asks of the one in the box, as one JSON argument."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from orchestrator.spec import Experiment, Overrides, load_experiment


@dataclass(frozen=True)
class RunRequest:
    """One `dmlbed run`.

    Attributes:
        experiment: the experiment file, as the person gave it.
        overrides: what the command line changes in it.
        out: directory that the run's directory is made in.
        as_json: end with one JSON object on standard output instead of a table.
        recalibrate: measure what the machine carries although it is remembered.
        force: run at the scale given although the machine does not carry it.
        calibration: how the scale was settled, for run.json; None before it is.
    """

    experiment: Path
    overrides: Overrides
    out: Path
    as_json: bool = False
    recalibrate: bool = False
    force: bool = False
    calibration: Mapping[str, Any] | None = None

    def load(self) -> Experiment:
        """Read the experiment with its overrides.

        Raises:
            InputError: something in the files or the overrides is wrong.
        """
        return load_experiment(self.experiment, self.overrides)

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
        )
