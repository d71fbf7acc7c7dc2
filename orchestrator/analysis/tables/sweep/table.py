"""A sweep on the terminal: per model a table with a column for every point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from orchestrator.analysis.tables.sweep.rows import Cell, Place, compute_over_links
from orchestrator.predict import CLEAR
from orchestrator.terminal.letters import written
from orchestrator.terminal.tables import Column, FittedTable, narrow

_SIGNS = {"wins": "*", "within the noise": "=", "": " "}
_MARKS = {"ok": "", "doubtful": "?", "unusable": "✕"}
_CLEAR = f"{100 * CLEAR:g} %"
_LEGEND = (
    "throughput and percent of the bound; * the fastest, = as fast within the noise; ? doubtful, "
    "✕ unusable: see the point's own report; C/nu: compute over what the fullest link takes"
)


_MEMORY = (
    "MB: the most that outputs of layers take, in a forward pass alone, and in training with their "
    "gradients; parameters and gradients of these come on top"
)


@dataclass(frozen=True)
class SweepTable:
    """A rich renderable of all models, and what is missing.

    Attributes:
        title: what the first variable is.
        places: model by model, each in the order of the values.
        schedules: in the order of the experiment.
        notes: what is missing and why.
        pays: where which schedule is faster than the baseline.
    """

    title: str
    places: tuple[Place, ...]
    schedules: tuple[str, ...]
    notes: tuple[str, ...] = ()
    pays: tuple[str, ...] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for panel in dict.fromkeys(place.panel for place in self.places):
            yield self._table([place for place in self.places if place.panel == panel])
            yield Text()
        yield Text(written(_LEGEND, options.encoding))
        if any(place.memory for place in self.places):
            yield Text(_MEMORY)
        if self.pays:
            yield Text(
                "\n".join((f"pays: faster than the baseline by more than {_CLEAR}", *self.pays))
            )
        for note in self.notes:
            yield Text(note, style="yellow")

    def _table(self, places: Sequence[Place]) -> FittedTable:
        points = (Column(place.text, right=True) for place in places)
        unit = places[0].case.model.rate_unit
        table = FittedTable((Column(f"{places[0].panel}, {unit}\n{self.title}"), *points))
        table.add("C/nu", *(f"{compute_over_links(place.case):.2f}" for place in places))
        table.add("limited by", *(narrow(place.limits) for place in places))
        if all(place.memory for place in places):
            table.add("forward, MB", *(_megabytes(place, training=False) for place in places))
            table.add("training, MB", *(_megabytes(place, training=True) for place in places))
        table.add("bound", *(place.rate_text(place.bound) for place in places))
        for schedule in self.schedules:
            cells = (_cell(place, place.cells.get(schedule)) for place in places)
            table.add(schedule, *cells)
        return table


def _megabytes(place: Place, *, training: bool) -> str:
    if place.memory is None:
        return "-"
    batch = place.case.batch
    held = place.memory.training if training else place.memory.inference
    return f"{batch * held / 1e6:.2f}"


def _cell(place: Place, cell: Cell | None) -> Text:
    if cell is None:
        return Text("- ")
    rate = cell.row.imgs_per_sec.mean
    level = cell.row.verdict.level
    mark = _MARKS[level]
    style = "bold green" if cell.standing == "wins" else "" if level == "ok" else "yellow"
    return Text(f"{mark}{place.rate_text(rate)}{_SIGNS[cell.standing]}", style=style)
