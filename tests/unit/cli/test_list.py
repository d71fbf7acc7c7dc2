"""`dmlbed list`."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from orchestrator.cli.main import cli
from orchestrator.spec.files.reference.catalogue import LISTINGS


def listed(*arguments: str, columns: str = "") -> Result:
    return CliRunner().invoke(cli, ["list", *arguments], env={"COLUMNS": columns})


@pytest.mark.parametrize("what", LISTINGS)
def test_json_is_the_rows_and_nothing_else(what: str) -> None:
    result = listed(what, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {what: [dict(row) for row in LISTINGS[what]().rows]}


@pytest.mark.parametrize("what", LISTINGS)
def test_a_pipe_gets_a_line_for_each_row(what: str) -> None:
    listing = LISTINGS[what]()
    table, _, note = listed(what).stdout.partition("\n\n")
    lines = table.rstrip("\n").splitlines()
    assert len(lines) == 1 + len(listing.rows)
    assert note.rstrip("\n") == listing.note
    for line, row in zip(lines[1:], listing.rows, strict=True):
        assert all(str(cell) in line for cell in row.values() if cell is not None)


@pytest.mark.parametrize("what", LISTINGS)
def test_forty_columns_lose_nothing(what: str) -> None:
    listing = LISTINGS[what]()
    shown = listed(what, columns="40").stdout.removesuffix(f"\n{listing.note}\n")
    assert max(map(len, shown.splitlines())) <= 40
    letters = "".join(shown.split())
    for row in listing.rows:
        name = str(next(iter(row.values())))
        assert "".join(name.split()) in letters


def test_what_is_not_listed_is_refused_with_what_is() -> None:
    result = listed("topologies")
    assert result.exit_code == 2
    assert "order-class" in result.stderr


def test_a_near_miss_is_named() -> None:
    assert "did you mean 'exchange-class'?" in listed("exchange-clas").stderr
