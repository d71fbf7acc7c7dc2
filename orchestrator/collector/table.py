"""The summary on the terminal: as few tables as fit its width, one below the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from orchestrator.collector.statistics import Estimate
from orchestrator.collector.summary import Row
from orchestrator.spec import number_text
from orchestrator.terminal.letters import written
from orchestrator.terminal.tables import Column, FittedTable

_STYLES = {"ok": "green", "doubtful": "yellow", "unusable": "bold red"}
_REASONS_SHOWN = 3  # per row; summary.json has all


@dataclass(frozen=True)
class _Shown:
    """A column, and its cell in a row."""

    column: Column
    cell: Callable[[Row], str | Text]


def _figure(title: str, cell: Callable[[Row], str | Text], *, together: bool = True) -> _Shown:
    return _Shown(Column(title, right=True, together=together), cell)


_NAMES = (
    _Shown(Column("model"), lambda row: row.model),
    _Shown(Column("schedule"), lambda row: row.schedule),
)
_FIGURES = (
    _figure("imgs/sec", lambda row: _rate(row.imgs_per_sec), together=False),
    _figure("pub-\nlished", lambda row: _plain(row.published_mean)),
    _figure("devia-\ntion %", lambda row: _signed(row.deviation)),
    _figure("speed-up %", lambda row: _speedup(row.speedup)),
    _figure("pub-\nlished", lambda row: _signed(row.published_speedup)),
)
_BOUND = (
    _figure("bound", lambda row: _plain(row.bound_imgs_per_sec), together=False),
    _figure("% of\nbound", lambda row: _percent(row.share_of_bound)),
    _figure("% of\ngain", lambda row: _percent(row.share_of_gain)),
)
_CONDITIONS = (
    _figure("pull\nshares", lambda row: _range(row.pull_shares), together=False),
    _figure("push\nshares", lambda row: _range(row.push_shares)),
    _figure("idle %\nworst", lambda row: _slashed(row.idle_mean, row.idle_worst)),
    _figure("drops", lambda row: _count(row.drops)),
    _figure("retr.", lambda row: _count(row.retransmissions)),
)
_VERDICT = (
    _Shown(
        Column("verdict", together=True),
        lambda row: Text(row.verdict.level, style=_STYLES[row.verdict.level]),
    ),
)


@dataclass(frozen=True)
class SummaryTable:
    """A rich renderable of the rows, the reasons of their verdicts and what is missing."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        known = any(row.bound_imgs_per_sec is not None for row in self.rows)
        shown = (*_NAMES, *_FIGURES, *(_BOUND if known else ()), *_CONDITIONS, *_VERDICT)
        table = FittedTable([one.column for one in shown], keys=len(_NAMES), gap=1, merged=True)
        for row in self.rows:
            table.add(*(one.cell(row) for one in shown))
        yield table
        for note in self._notes():
            plain = written(note.plain, options.encoding)
            yield note if plain == note.plain else Text(plain, style=note.style)

    def _notes(self) -> Iterator[Text]:
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
    return "" if value is None else number_text(value, 3)


def _rate(value: Estimate) -> str:
    mean, half = number_text(value.mean, 3), value.half_width
    if half is None:
        return mean
    return f"{mean} ±{half:.{len(mean.partition('.')[2])}f}"


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
