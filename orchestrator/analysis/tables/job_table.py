"""The jobs beside the measured one, on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from orchestrator.analysis.tables.columns.measures import rate_cell, signed_cell
from orchestrator.analysis.tables.columns.units import heading, with_unit
from orchestrator.analysis.tables.job_row import JobRow
from orchestrator.spec import number_text, rate_text
from orchestrator.terminal.tables import Column, FittedTable

STYLES = {"ok": "green", "doubtful": "yellow", "unusable": "bold red"}


def job_table(rows: Sequence[JobRow]) -> FittedTable:
    """A line for each job and each row that it ran beside; columns that nobody fills are left out.

    `fair` is what it has if all jobs send at once, `best` what it has alone: imgs/sec, or bit/s.
    """
    units = {row.unit for row in rows if row.imgs_per_sec}
    cells = {
        heading(units): [with_unit(rate_cell(row.imgs_per_sec), row.unit, units) for row in rows],
        "slow-\ndown %": [signed_cell(row.slowdown) for row in rows],
        "offered": [_bps(row.offered_bps) for row in rows],
        "delivered": [_bps(row.delivered_bps) for row in rows],
        "loss %": ["" if row.loss is None else f"{row.loss:.2f}" for row in rows],
        "link\nfull %": [
            "" if row.full_time is None else f"{100 * row.full_time:.0f}" for row in rows
        ],
        "fair": [_bound(row, row.bound.fair) if row.bound else "" for row in rows],
        "best": [_bound(row, row.bound.best) if row.bound else "" for row in rows],
    }
    filled = {title: column for title, column in cells.items() if any(column)}
    columns = [Column(title, right=True) for title in filled]
    keys = [Column("job"), Column("beside")]
    table = FittedTable([*keys, *columns, Column("verdict")], keys=2, gap=1)
    for number, row in enumerate(rows):
        level = Text(row.verdict.level, style=STYLES[row.verdict.level])
        table.add(
            row.job.name, str(row.beside), *(column[number] for column in filled.values()), level
        )
    return table


def _bps(value: float | None) -> str:
    return "" if value is None else rate_text(round(value))


def _bound(row: JobRow, value: float) -> str:
    return number_text(value, 3) if row.job.training else _bps(value)
