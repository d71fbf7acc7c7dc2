"""Where each schedule of a sweep is faster than the baseline: measured, and predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.analysis.tables.sweep.curves import Expectation
from orchestrator.analysis.tables.sweep.rows import Place
from orchestrator.predict import Crossings, crossings, of_all
from orchestrator.spec import Variable


@dataclass(frozen=True)
class Paying:
    """One schedule in one panel, against the baseline.

    Attributes:
        panel: which one.
        schedule: its name.
        measured: between the points; what may not be used is left out.
        predicted: on the predicted curves; None where none are known.
    """

    panel: str
    schedule: str
    measured: Crossings
    predicted: Crossings | None

    def as_json(self) -> dict[str, Any]:
        """For a program: values of the sweep's first variable."""
        return {
            "panel": self.panel,
            "schedule": self.schedule,
            "measured": _plain(self.measured),
            "predicted": None if self.predicted is None else _plain(self.predicted),
        }


def paying(
    variable: Variable, places: Sequence[Place], expected: Mapping[str, Expectation]
) -> tuple[Paying, ...]:
    """All schedules but the baseline, panel by panel; none if the variable has no size.

    Args:
        variable: the first one.
        places: panel by panel, each in the order of the values.
        expected: by panel.
    """
    if not variable.numeric or not places:
        return ()
    pays = []
    for panel in dict.fromkeys(place.panel for place in places):
        own = [place for place in places if place.panel == panel]
        baseline = next(iter(own[0].cells.values())).row.baseline
        names = dict.fromkeys(name for place in own for name in place.cells if name != baseline)
        values = [float(place.values[0]) for place in own]
        if len(own) < 2:
            continue
        for name in names:
            measured = crossings(values, [_ratio(place, name, baseline) for place in own])
            predicted = _predicted(expected[panel], name, baseline)
            pays.append(Paying(panel, name, measured, predicted))
    return tuple(pays)


def paying_lines(variable: Variable, pays: Sequence[Paying]) -> list[str]:
    """Where schedules pay, in words: a line for all that are alike."""
    alike: dict[tuple[str, str], list[str]] = {}
    for one in pays:
        what = one.measured.sentence(variable.rounded_text)
        if one.predicted is not None:
            foreseen = one.predicted.sentence(variable.rounded_text).removeprefix("pays ")
            what = f"{what} (predicted: {foreseen})"
        alike.setdefault((one.panel, what), []).append(one.schedule)
    return [f"{panel}: {of_all(names, what)}" for (panel, what), names in alike.items()]


def _ratio(place: Place, name: str, baseline: str) -> float | None:
    rows = [place.cells[each].row for each in (name, baseline) if each in place.cells]
    if len(rows) < 2 or any(row.verdict.level == "unusable" for row in rows):
        return None
    return rows[0].imgs_per_sec.mean / rows[1].imgs_per_sec.mean


def _predicted(expected: Expectation, name: str, baseline: str) -> Crossings | None:
    if not all(
        each in expected.curves and expected.curves[each].drawn for each in (name, baseline)
    ):
        return None
    ratios = [
        None if one is None or other is None else one / other
        for one, other in zip(
            expected.curves[name].shares, expected.curves[baseline].shares, strict=True
        )
    ]
    return crossings(expected.values, ratios)


def _plain(crossed: Crossings) -> dict[str, Any]:
    return {"values": list(crossed.values), "faster_first": crossed.faster_first}
