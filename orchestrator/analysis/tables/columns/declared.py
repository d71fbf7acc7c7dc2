"""What a measure is: its name, what it measures, and its column in the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from orchestrator.analysis.measures.measure import TrialMeasure
from orchestrator.analysis.tables.columns.units import heading, with_unit
from orchestrator.analysis.tables.row import Row
from orchestrator.analysis.verdict import Verdict
from orchestrator.spec import number_text

Value = str | int | float | list[str] | list[float] | None


@dataclass(frozen=True)
class JudgedTrial:
    """An attempt of a trial with its verdict.

    Attributes:
        measure: of its records.
        verdict: on its figure.
        bound: imgs/sec that it cannot have more of; None: not known.
        counted: whether its row is made of it.
    """

    measure: TrialMeasure
    verdict: Verdict
    bound: float | None
    counted: bool


@dataclass(frozen=True)
class TableColumn:
    """A measure's column in the table.

    Attributes:
        title: above the column.
        cell: its text, from a row.
        meaning: what the column says, for the docs.
        together: whether the column stays with the one before it where the table is cut in two.
        unit: of a row, where rows may have another; it is the column's title then.
    """

    title: str
    cell: Callable[[Row], str]
    meaning: str
    together: bool = True
    unit: Callable[[Row], str] | None = None

    @property
    def name(self) -> str:
        """The title in one line."""
        return self.title.replace("-\n", "").replace("\n", " ")

    def among(self, rows: Sequence[Row]) -> TableColumn:
        """The column for these rows: headed by their unit, or with a unit in each cell."""
        if self.unit is None:
            return self
        of, cell = self.unit, self.cell
        units = set(map(of, rows))
        return replace(
            self, title=heading(units), cell=lambda row: with_unit(cell(row), of(row), units)
        )


@dataclass(frozen=True)
class Measure:
    """One measure.

    Attributes:
        name: its column in summary.csv and its key in the rows of JSON.
        unit: empty for names, words and counts; `1`: a share of 1. Rates and times are the real
            system's unless the name says `emulated`.
        trial: of one attempt; None: only rows have it.
        row: of a row; None: only attempts have it.
        column: in the table; None: it has none.
    """

    name: str
    unit: str = ""
    trial: Callable[[JudgedTrial], Value] | None = None
    row: Callable[[Row], Value] | None = None
    column: TableColumn | None = None


def of(get: Callable[[TrialMeasure], Value]) -> Callable[[JudgedTrial], Value]:
    """The measure of an attempt, whatever its verdict."""
    return lambda trial: get(trial.measure)


def of_training(get: Callable[[TrialMeasure], Value]) -> Callable[[JudgedTrial], Value]:
    """What a measure of an attempt at a training is; programs have none."""
    return lambda trial: None if trial.measure.program else get(trial.measure)


def plain(value: float | None) -> str:
    """Three digits; empty for None."""
    return "" if value is None else number_text(value, 3)
