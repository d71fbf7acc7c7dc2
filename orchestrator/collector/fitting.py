"""Tables with many columns, in as many pieces as fit a terminal's width, one below the other."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.table import Table

_Column = TypeVar("_Column")

_NARROW = 14


def pieces(
    console: Console,
    options: ConsoleOptions,
    columns: Sequence[_Column],
    table: Callable[[Sequence[_Column]], Table],
) -> Iterator[Table]:
    """Tables of all columns, each with as many as fit, and with one at least.

    Args:
        console: that they are printed on.
        options: its width among them.
        columns: what `table` makes a column of each of.
        table: makes a table of some of them; none of its columns may wrap.
    """
    # Unbounded: else rich reports the width after it has squeezed the columns.
    wide = options.update(max_width=10_000)
    left = columns
    while left:
        count = len(left)
        made = table(left)
        while count > 1 and Measurement.get(console, wide, made).maximum > options.max_width:
            count -= 1
            made = table(left[:count])
        yield made
        left = left[count:]


def narrow(text: str) -> str:
    """Words in lines of a narrow column."""
    return "\n".join(textwrap.wrap(text, _NARROW, break_on_hyphens=False))
