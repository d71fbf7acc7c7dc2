"""The summary on the terminal: as few tables as fit its width, one below the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from orchestrator.collector.statistics import Estimate
from orchestrator.collector.summary import Row

_STYLES = {"ok": "green", "doubtful": "yellow", "unusable": "bold red"}
_REASONS_SHOWN = 3  # per row; summary.json has all


@dataclass(frozen=True)
class _Column:
    title: str
    cell: Callable[[Row], str | Text]
    left: bool = False


_NAMES = (
    _Column("model", lambda row: row.model, left=True),
    _Column("schedule", lambda row: row.schedule, left=True),
)
_FIGURES = (
    _Column("imgs/sec", lambda row: _rate(row.imgs_per_sec)),
    _Column("pub-\nlished", lambda row: _plain(row.published_mean)),
    _Column("devia-\ntion %", lambda row: _signed(row.deviation)),
    _Column("speed-up %", lambda row: _speedup(row.speedup)),
    _Column("pub-\nlished", lambda row: _signed(row.published_speedup)),
)
_BOUND = (
    _Column("bound", lambda row: _plain(row.bound_imgs_per_sec)),
    _Column("% of\nbound", lambda row: _percent(row.share_of_bound)),
    _Column("% of\ngain", lambda row: _percent(row.share_of_gain)),
)
_CONDITIONS = (
    _Column("pull\nshares", lambda row: _range(row.pull_shares)),
    _Column("push\nshares", lambda row: _range(row.push_shares)),
    _Column("idle %\nworst", lambda row: _slashed(row.idle_mean, row.idle_worst)),
    _Column("drops", lambda row: _count(row.drops)),
    _Column("retr.", lambda row: _count(row.retransmissions)),
)
_VERDICT = (
    _Column(
        "verdict",
        lambda row: Text(row.verdict.level, style=_STYLES[row.verdict.level]),
        left=True,
    ),
)


@dataclass(frozen=True)
class SummaryTable:
    """A rich renderable of the rows, the reasons of their verdicts and what is missing."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        known = any(row.bound_imgs_per_sec is not None for row in self.rows)
        groups = [_FIGURES, *([_BOUND] if known else []), (*_CONDITIONS, *_VERDICT)]
        # Unbounded: else rich reports the width after it has squeezed the columns.
        wide = options.update(max_width=10_000)
        columns: tuple[_Column, ...] = _NAMES
        for group in groups:
            wider = (*columns, *group)
            needed = Measurement.get(console, wide, self._table(wider)).maximum
            if columns != _NAMES and needed > options.max_width:
                yield self._table(columns)
                wider = (*_NAMES, *group)
            columns = wider
        yield self._table(columns)
        yield from self._notes()

    def _table(self, columns: Sequence[_Column]) -> Table:
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(
                column.title,
                justify="left" if column.left else "right",
                vertical="bottom",
                no_wrap=True,
            )
        previous = None
        for row in self.rows:
            cells = [column.cell(row) for column in columns]
            if row.model == previous:
                cells[0] = ""
            previous = row.model
            table.add_row(*cells)
        return table

    def _notes(self) -> RenderResult:
        for row in self.rows:
            reasons = row.verdict.reasons
            hidden = len(reasons) - _REASONS_SHOWN
            for reason in reasons[:_REASONS_SHOWN]:
                yield self._note(f"{row.model} {row.schedule}: ", row.verdict.level, reason)
            if hidden > 0:
                yield Text(f"{row.model} {row.schedule}: and {hidden} more (summary.json)")
            for line in row.left_out_lines():
                yield Text(f"{row.model} {row.schedule}, {line}", style="yellow")
        for note in self.notes:
            yield Text(note, style="yellow")

    @staticmethod
    def _note(place: str, level: str, reason: str) -> Text:
        return Text.assemble(place, (level, _STYLES[level]), f": {reason}")


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _rate(value: Estimate) -> str:
    half = value.half_width
    return _plain(value.mean) if half is None else f"{value.mean:.3f} ±{half:.3f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.1f}"


def _speedup(value: Estimate | None) -> str:
    if value is None:
        return ""
    half = value.half_width
    return _signed(value.mean) if half is None else f"{value.mean:+.1f} ±{half:.1f}"


def _range(shares: tuple[float, float] | None) -> str:
    return "" if shares is None else f"{100 * shares[0]:.0f}-{100 * shares[1]:.0f}"


def _slashed(mean: float | None, low: float | None) -> str:
    return "" if mean is None or low is None else f"{100 * mean:.0f}/{100 * low:.0f}"


def _count(value: int) -> str:
    for limit, unit in ((10_000_000, "M"), (10_000, "k")):
        if value >= limit:
            return f"{value / (limit / 10):.0f}{unit}"
    return str(value)
