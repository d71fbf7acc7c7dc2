"""`dmlbed list`."""

from __future__ import annotations

import json

import click

from orchestrator.spec.files.reference.catalogue import LISTINGS
from orchestrator.terminal.console import answers, say
from orchestrator.terminal.tables import Column, FittedTable
from workloads.errors import unknown_name

_FIGURES = (int, float)


class _Known(click.Choice[str]):
    """A choice that names the nearest one for a wrong word."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The choice of that name."""
        if value not in self.choices:
            self.fail(unknown_name("list", value, self.choices), param, ctx)
        return super().convert(value, param, ctx)


@click.command()
@click.argument("what", type=_Known(tuple(LISTINGS)))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def list(what: str, *, as_json: bool) -> None:
    """List what there is to choose from, and what files and orders are made of.

    `topology` and `experiment` are the keys of these files with their defaults, `values` is how
    names and quantities are written, `setting` is what an order is asked with, and `order-class`
    is what a class of your own may override.
    """
    listing = LISTINGS[what]()
    if as_json:
        print(json.dumps({what: listing.rows}, indent=2, ensure_ascii=False))
        return
    first = listing.rows[0]
    table = FittedTable(
        tuple(
            Column(name, right=isinstance(value, _FIGURES), words=" " in str(value))
            for name, value in first.items()
        )
    )
    for row in listing.rows:
        table.add(*("" if value is None else str(value) for value in row.values()))
    console = answers()
    console.print(table)
    if listing.note:
        console.print()
        say(console, listing.note)
