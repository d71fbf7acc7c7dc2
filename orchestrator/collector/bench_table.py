"""The figures of a bench on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from orchestrator.collector.bench import Figure


def bench_table(figures: Sequence[Figure]) -> Table:
    """One row per figure: measured, aim, whether it is met, how idle the machine was."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("what")
    for title in ("measured", "aim", ""):
        table.add_column(title, justify="right" if title else "left", no_wrap=True)
    table.add_column("idle", justify="right")
    for figure in figures:
        table.add_row(
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
