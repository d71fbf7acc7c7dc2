"""The figures of a bench on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from orchestrator.analysis.tables.bench.figures import Figure
from orchestrator.terminal.tables import Column, FittedTable


def bench_table(figures: Sequence[Figure]) -> FittedTable:
    """One row per figure: measured, aim, whether it is met, how idle the machine was."""
    table = FittedTable(
        (
            Column("what"),
            Column("measured", right=True),
            Column("aim", right=True),
            Column("", together=True),
            Column("idle", right=True),
        )
    )
    for figure in figures:
        table.add(
            figure.name,
            f"{_number(figure.value)} {figure.unit}",
            _aim(figure),
            _judged(figure),
            "" if figure.idle is None else f"{100 * figure.idle:.0f} %",
        )
    return table


def _number(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _aim(figure: Figure) -> str:
    if figure.least is not None:
        return f">= {figure.least:g} {figure.unit}"
    return "" if figure.most is None else f"<= {figure.most:g} {figure.unit}"


def _judged(figure: Figure) -> Text:
    if figure.met is None:
        return Text()
    return Text("ok", style="green") if figure.met else Text("missed", style="bold red")
