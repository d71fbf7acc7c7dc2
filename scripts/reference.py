"""Write the generated tables of docs/: `.venv/bin/python -m scripts.reference`.

A table is between two markers, `<!-- generated: NAME -->` and `<!-- end of NAME -->`. It is what
`dmlbed list NAME` prints, as Markdown, or the columns of a run's table. A unit test fails if one of
them is not up to date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from orchestrator.analysis.tables.columns.measures import BY_NAME
from orchestrator.analysis.tables.table import TABLE_MEASURES
from orchestrator.orders import ORDERS
from orchestrator.spec.files.reference.catalogue import LISTINGS, Cell, Listing, orders

DOCS = Path(__file__).parents[1] / "docs"
_TABLE = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end of \2 -->)", re.DOTALL)


def names(page: str) -> list[str]:
    """The tables of a page."""
    return [table[2] for table in _TABLE.finditer(page)]


def filled(page: str) -> str:
    """A page with its tables up to date.

    Raises:
        KeyError: there is no such table.
    """
    return _TABLE.sub(lambda table: f"{table[1]}{markdown(_listing(table[2]))}{table[3]}", page)


def markdown(listing: Listing) -> str:
    """A listing as a Markdown table; what names its rows is shown as code."""
    columns = list(listing.rows[0])
    lines = [[column.replace("_", " ") for column in columns], ["---"] * len(columns)]
    for row in listing.rows:
        first, *others = map(_cell, row.values())
        lines.append([f"`{first}`", *others])
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return f"{table}\n{listing.note}\n" if listing.note else table


def _listing(name: str) -> Listing:
    # The machine that writes the pages may have packages that bring orders.
    return orders(ORDERS) if name == "orders" else TABLES[name]()


def _columns() -> Listing:
    """The columns of a run's table, as its measures declare them."""
    columns = ((name, column) for name in TABLE_MEASURES if (column := BY_NAME[name].column))
    return Listing(
        tuple(
            {"column": column.name, "key": f"`{name}`", "meaning": column.meaning}
            for name, column in columns
        )
    )


TABLES: Mapping[str, Callable[[], Listing]] = {**LISTINGS, "columns": _columns}
"""What makes each of the tables."""


def _cell(value: Cell) -> str:
    return "" if value is None else str(value).replace("|", "\\|")


def _main() -> None:
    for path in sorted(DOCS.glob("*.md")):
        page = path.read_text(encoding="utf-8")
        if filled(page) != page:
            path.write_text(filled(page), encoding="utf-8")
            print(f"{path} written")


if __name__ == "__main__":
    _main()
