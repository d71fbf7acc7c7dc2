"""What the outer process asks of the calibrating one in the box, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from orchestrator.session.scale.calibration import Attempt, ScaleQuery
from orchestrator.spec import Experiment


@dataclass(frozen=True)
class Task:
    """What the outer process asks of the one in the box.

    Attributes:
        experiment: the one that is to follow.
        switch_kind: the switches that it will have.
        scale_query: which scales, and what they must leave.
        known: attempts that need not be made again.
        attempts: the file for those that were made.
    """

    experiment: Experiment
    switch_kind: str
    scale_query: ScaleQuery
    known: tuple[Attempt, ...]
    attempts: Path = Path()

    def to_json(self) -> str:
        """The task as text, for `from_json`."""
        return json.dumps(
            {
                "experiment": self.experiment.to_json(),
                "switch_kind": self.switch_kind,
                "scale_query": asdict(self.scale_query),
                "known": dump_attempts(self.known),
                "attempts": str(self.attempts),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Task:
        """The task that `to_json` wrote."""
        fields = json.loads(text)
        scale_query = fields["scale_query"]
        return cls(
            Experiment.from_resolved(fields["experiment"]),
            fields["switch_kind"],
            ScaleQuery(**{**scale_query, "rates": tuple(scale_query["rates"])}),
            load_attempts(fields["known"]),
            Path(fields["attempts"]),
        )


def dump_attempts(attempts: Iterable[Attempt]) -> str:
    """Attempts as JSON."""
    return json.dumps([attempt.model_dump() for attempt in attempts])


def load_attempts(text: str) -> tuple[Attempt, ...]:
    """The attempts that `dump_attempts` wrote."""
    return tuple(Attempt.model_validate(one) for one in json.loads(text))
