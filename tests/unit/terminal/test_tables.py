"""A table shows all of every cell at any width."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from orchestrator.terminal.tables import Column, FittedTable


def printed_lines(table: FittedTable, width: int) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=width, markup=False, _environ={}).print(table)
    return [line.rstrip() for line in text.getvalue().splitlines()]


def example(*, lines: bool = False) -> FittedTable:
    table = FittedTable(
        (
            Column("model"),
            Column("imgs/\nsec", right=True),
            Column("devia-\ntion", right=True, together=True),
            Column("bound", right=True),
        ),
        lines=lines,
        merged=True,
    )
    table.add("alexnet", "0.239 ±0.001", "-0.3", "0.484")
    table.add("alexnet", "0.349 ±0.002", "+2.5", "0.484")
    return table


def test_one_table_where_it_fits() -> None:
    assert printed_lines(example(), 36) == [
        "                imgs/  devia-",
        "model             sec    tion  bound",
        "alexnet  0.239 ±0.001    -0.3  0.484",
        "         0.349 ±0.002    +2.5  0.484",
    ]


def test_it_goes_on_below_and_says_again_what_its_rows_are() -> None:
    assert printed_lines(example(), 30) == [
        "                imgs/  devia-",
        "model             sec    tion",
        "alexnet  0.239 ±0.001    -0.3",
        "         0.349 ±0.002    +2.5",
        "",
        "model    bound",
        "alexnet  0.484",
        "         0.484",
    ]


def test_it_is_turned_where_a_column_does_not_fit_beside_its_keys() -> None:
    assert printed_lines(example(), 20) == [
        "alexnet",
        "  imgs/ sec: 0.239",
        "±0.001",
        "  deviation: -0.3",
        "  bound: 0.484",
        "",
        "alexnet",
        "  imgs/ sec: 0.349",
        "±0.002",
        "  deviation: +2.5",
        "  bound: 0.484",
    ]


@pytest.mark.parametrize("width", [200, 60, 40])
def test_words_are_wrapped(width: int) -> None:
    table = FittedTable((Column("host"), Column("why not", words=True)))
    table.add("worker0", "this machine has 2 cores and none of them is free")
    lines = printed_lines(table, width)
    assert max(map(len, lines)) <= width
    assert len(lines) == {200: 2, 60: 2, 40: 3}[width]
    words = " ".join(lines).split()
    reason = ["2", "cores", "and", "none", "of", "them"]
    assert [word for word in words if word in reason] == reason


def test_ascii_has_the_same_columns() -> None:
    bytes_ = io.BytesIO()
    text = io.TextIOWrapper(bytes_, encoding="ascii", write_through=True)
    Console(file=text, width=60, _environ={}).print(example(lines=True))
    lines = bytes_.getvalue().decode("ascii").splitlines()
    assert len({len(line) for line in lines}) == 1
    assert "| 0.239 +-0.001 |" in bytes_.getvalue().decode("ascii")


_CELLS = st.text(st.sampled_from("abc 0.±"), min_size=1, max_size=30)


@given(
    st.lists(st.tuples(*[_CELLS] * 5), min_size=1, max_size=4),
    st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=5, max_size=5),
    st.integers(1, 120),
    st.integers(1, 2),
    st.booleans(),
)
def test_nothing_is_lost(
    rows: list[tuple[str, ...]],
    kinds: list[tuple[bool, bool, bool]],
    width: int,
    keys: int,
    lines: bool,
) -> None:
    columns = [
        Column(f"t{number}", right, words and number >= keys, together)
        for number, (right, words, together) in enumerate(kinds)
    ]
    table = FittedTable(columns, keys=keys, lines=lines)
    for row in rows:
        table.add(*row)
    all_lines = printed_lines(table, width)
    assert all(len(line) <= width for line in all_lines)
    assert "…" not in "".join(all_lines)
    text = "".join(all_lines)
    for character in "abc0±":
        asked = sum(cell.count(character) for row in rows for cell in row[keys:])
        assert text.count(character) >= asked
