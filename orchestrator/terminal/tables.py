"""Tables that lose nothing: one that is too wide continues below, or becomes a list.

No figure is ever shortened to an ellipsis: what does not fit beside the keys of its row is shown
row by row, one line for each column.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from orchestrator.terminal.letters import written

_NARROW = 14
_LEAST_WORDS = 24  # columns that a cell of several words gets, if it has as many
_UNBOUNDED = 100_000


@dataclass(frozen=True)
class Column:
    """A column of a fitted table.

    Attributes:
        title: may have several lines.
        right: whether its cells are figures.
        words: whether its cells are words that may be wrapped.
        together: whether it stays beside the column before it, where there is room for both.
    """

    title: str
    right: bool = False
    words: bool = False
    together: bool = False


@dataclass
class FittedTable:
    """A rich renderable of rows.

    Attributes:
        columns: the first of them name the row.
        keys: how many do; they are shown again in every part.
        lines: whether it is drawn with lines.
        merged: whether a first key that is that of the row above is left out.
        gap: blanks between columns without lines.
    """

    columns: Sequence[Column]
    keys: int = 1
    lines: bool = False
    merged: bool = False
    gap: int = 2
    rows: list[tuple[Text, ...]] = field(default_factory=list)

    def add(self, *cells: str | Text) -> None:
        """Add a row."""
        texts = (cell if isinstance(cell, Text) else Text(cell) for cell in cells)
        self.rows.append(tuple(texts))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        encodable = self._written(options.encoding)
        parts = encodable._parts(console, options)
        if parts is None:
            yield from encodable._turned()
            return
        for number, part in enumerate(parts):
            if number and not self.lines:
                yield Text()
            yield encodable._table(part)

    def _written(self, encoding: str) -> FittedTable:
        """The same in characters that the encoding has: widths depend on it."""

        def cell(text: Text) -> Text:
            plain = written(text.plain, encoding)
            return text if plain == text.plain else Text(plain, style=text.style)

        rows = [tuple(cell(text) for text in row) for row in self.rows]
        return replace(self, rows=rows)

    def _parts(self, console: Console, options: ConsoleOptions) -> list[list[int]] | None:
        """Numbers of the columns of every part; None if a row has to be turned."""

        def fits(columns: list[int]) -> bool:
            return self._least_width(columns, console, options) <= options.max_width

        keys = list(range(self.keys))
        parts: list[list[int]] = []
        part: list[int] = []
        for group in self._groups():
            if fits([*keys, *part, *group]):
                part = [*part, *group]
                continue
            for number, column in enumerate(group):
                # A group begins a new part, and continues in the next if it must.
                if part and (not number or not fits([*keys, *part, column])):
                    parts.append([*keys, *part])
                    part = []
                if not fits([*keys, column]):
                    return None
                part.append(column)
                if number == 0 and fits([*keys, *group]):
                    part = list(group)
                    break
        return [*parts, [*keys, *part]]

    def _groups(self) -> list[list[int]]:
        groups: list[list[int]] = []
        for number in range(self.keys, len(self.columns)):
            if groups and self.columns[number].together:
                groups[-1].append(number)
            else:
                groups.append([number])
        return groups

    def _least_width(self, columns: list[int], console: Console, options: ConsoleOptions) -> int:
        # Unbounded: else rich reports the width after it has squeezed the columns.
        wide = options.update(max_width=_UNBOUNDED)
        width = Measurement.get(console, wide, self._table(columns)).maximum
        for number in columns:
            if self.columns[number].words:
                cells = [self.columns[number].title, *(row[number].plain for row in self.rows)]
                whole = max(cell_len(line) for cell in cells for line in cell.split("\n"))
                word = max(cell_len(word) for cell in cells for word in cell.split() or [""])
                width -= whole - max(word, min(whole, _LEAST_WORDS))
        return width

    def _table(self, columns: Sequence[int]) -> Table:
        table = (
            Table(box=box.HEAVY_HEAD)
            if self.lines
            else Table(box=None, padding=(0, self.gap, 0, 0), pad_edge=False, header_style="bold")
        )
        for number in columns:
            column = self.columns[number]
            table.add_column(
                column.title,
                justify="right" if column.right else "left",
                no_wrap=not column.words,
                overflow="fold",
            )
        for cells in self._cells(columns):
            table.add_row(*cells)
        return table

    def _cells(self, columns: Sequence[int]) -> Iterator[list[Text]]:
        before = ""
        for row in self.rows:
            cells = [row[number] for number in columns]
            if self.merged and row[0].plain == before:
                cells[0] = Text()
            before = row[0].plain
            yield cells

    def _turned(self) -> Iterator[Text]:
        for number, row in enumerate(self.rows):
            if number:
                yield Text()
            yield _line(" ".join(cell.plain for cell in row[: self.keys]))
            for column, cell in list(zip(self.columns, row, strict=True))[self.keys :]:
                if cell.plain:
                    value = " ".join(cell.plain.split())
                    yield _line(f"  {_one_line(column.title)}: ", (value, cell.style))


def narrow(text: str) -> str:
    """Words in lines of a narrow column."""
    return "\n".join(textwrap.wrap(text, _NARROW, break_on_hyphens=False))


def _line(*parts: str | tuple[str, object]) -> Text:
    return Text.assemble(*parts, overflow="fold")  # type: ignore[arg-type]


def _one_line(title: str) -> str:
    """A title of several lines; a hyphen at a line's end is that of a word."""
    return " ".join(title.replace("-\n", "").split("\n")).strip()
