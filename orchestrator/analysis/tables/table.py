"""The summary on the terminal: as few tables as fit its width, one below the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from orchestrator.analysis.tables.columns.learning import LEARNING
from orchestrator.analysis.tables.columns.measures import BY_NAME
from orchestrator.analysis.tables.job_row import JobRow
from orchestrator.analysis.tables.job_table import STYLES, job_table
from orchestrator.analysis.tables.link_row import LinkRow, link_table
from orchestrator.analysis.tables.row import Row
from orchestrator.spec.experiment.choices import EVERY_CHOICE
from orchestrator.terminal.letters import written
from orchestrator.terminal.tables import Column, FittedTable

_REASONS_SHOWN = 3  # per row; summary.json has all


_FIGURES = (
    "imgs_per_sec", "published_imgs_per_sec", "deviation_pct", "speedup_pct",
    "published_speedup_pct", "slowdown_pct",
)  # fmt: skip
_PUBLISHED = ("published_imgs_per_sec", "published_speedup_pct", "deviation_pct")
_BOUND = ("bound_imgs_per_sec", "share_of_bound_pct", "share_of_gain_pct")
_CONDITIONS = ("pull_shares", "push_shares", "idle_mean", "drops", "retransmissions")
_PROGRAM = ("fullest_link_full_time", "sent_off_pct")
_LEARNING = tuple(measure.name for measure in LEARNING)
TABLE_MEASURES = (*_FIGURES, *_BOUND, *_PROGRAM, *_LEARNING, *_CONDITIONS)
"""The measures of the table, in their order."""


@dataclass(frozen=True)
class SummaryTable:
    """A rich renderable of the rows, the reasons of their verdicts and what is missing."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    jobs: tuple[JobRow, ...] = ()
    links: tuple[LinkRow, ...] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        unknown: set[str] = set()
        if all(row.bound_imgs_per_sec is None for row in self.rows):
            unknown.update(_BOUND)
        if not any(row.published for row in self.rows):
            unknown.update(_PUBLISHED)
        unknown.update(
            name
            for name in (*_PROGRAM, *_LEARNING)
            if (of := BY_NAME[name].row) and all(of(row) is None for row in self.rows)
        )
        if not any(row.slowdown for row in self.rows):
            unknown.add("slowdown_pct")
        filled = [
            column.among(self.rows)
            for name in TABLE_MEASURES
            if name not in unknown and (column := BY_NAME[name].column)
        ]
        columns = [Column(one.title, right=True, together=one.together) for one in filled]
        chosen = [name for name in EVERY_CHOICE if any(name in row.choices for row in self.rows)]
        keys = [Column(name) for name in chosen]
        verdict = Column("verdict", together=True)
        table = FittedTable([*keys, *columns, verdict], keys=len(keys), gap=1, merged=True)
        for row in self.rows:
            level = Text(row.verdict.level, style=STYLES[row.verdict.level])
            table.add(
                *(row.choices.get(name, "") for name in chosen),
                *(column.cell(row) for column in filled),
                level,
            )
        yield table
        if self.jobs:
            yield job_table(self.jobs)
        if self.links:
            yield link_table(self.links)
        for note in self._notes():
            plain = written(note.plain, options.encoding)
            yield note if plain == note.plain else Text(plain, style=note.style)

    def _notes(self) -> Iterator[Text]:
        for job in self.jobs:
            for level, reason in job.reasons:
                yield self._note(f"{job.job.name} beside {job.beside}: ", level, reason)
        for row in self.rows:
            reasons = row.verdict.judged
            hidden = len(reasons) - _REASONS_SHOWN
            for level, reason in reasons[:_REASONS_SHOWN]:
                yield self._note(f"{row.choices}: ", level, reason)
            if hidden > 0:
                yield Text(f"{row.choices}: and {hidden} more (summary.json)")
            for line in row.left_out_lines():
                yield Text(f"{row.choices}, {line}", style="yellow")
        for note in self.notes:
            yield Text(note, style="yellow")

    @staticmethod
    def _note(place: str, level: str, reason: str) -> Text:
        return Text.assemble(place, (level, STYLES[level]), f": {reason}")
