"""Times random layers until the time is over, and networks; each goes into a table at once.

So a profile that was interrupted continues where it stopped.
"""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import InputError, Problem
from orchestrator.profile.shapes import sample, text_of
from orchestrator.profile.table import Row, heading, read_table
from orchestrator.spec.values.text import counted
from workloads.models.execution import PASSES

Ask = Callable[[Mapping[str, Any]], Mapping[str, float]]
"""Answers a shape, or a network and its batch, with seconds by pass."""

Note = Callable[[float, str], None]
"""Takes the seconds spent so far, and what is timed next."""

HELD_OUT = 500
EVERY_OTHER = 4  # one layer of so many is held out, until these are enough

_NETWORK_COLUMNS = ("network", "batch", *(f"{way}_seconds" for way in PASSES))


def is_held_out(number: int) -> bool:
    """Whether nothing is to be learnt from the layer of that number."""
    return number % EVERY_OTHER == EVERY_OTHER - 1 and number < EVERY_OTHER * HELD_OUT


def measure_layers(
    table: Path,
    ask: Ask,
    *,
    seconds: float,
    seed: int,
    threads: int,
    note: Note,
    clock: Callable[[], float] = time.monotonic,
) -> list[Row]:
    """Time layers until so many seconds are spent, those of earlier calls included.

    Args:
        table: gets a line per layer; what it has already counts.
        ask: times a layer.
        seconds: to spend in all.
        seed: of the layers.
        threads: that compute.
        note: is told how it goes on.
        clock: in seconds.

    Raises:
        InputError: the table is there, and is none, or of another number of threads.
    """
    rows = read_table(table) if table.exists() and table.read_text("utf-8") != heading() else []
    if others := {row.threads for row in rows} - {threads}:
        before = counted(others.pop(), "thread")
        hint = "ask for as many, name another device file, or remove the table"
        raise InputError([Problem(str(table), f"was measured with {before}", hint)])
    if not rows:
        table.write_text(heading(), "utf-8")
    spent = math.fsum(row.spent_seconds for row in rows)
    with table.open("a", encoding="utf-8") as file:
        while spent < seconds:
            number = len(rows)
            drawn = sample(seed, number)
            layer = text_of(drawn.shape)
            note(spent, layer)
            begin = clock()
            found = ask(drawn.shape)
            took = clock() - begin
            row = Row(drawn.work, found, layer, is_held_out(number), took, threads)
            file.write(row.written())
            file.flush()
            rows.append(row)
            spent += took
    return rows


@dataclass(frozen=True)
class Step:
    """A network, and how long an iteration of it took.

    Attributes:
        network: of the library.
        batch: images.
        seconds: by pass.
    """

    network: str
    batch: int
    seconds: Mapping[str, float]

    @property
    def step_seconds(self) -> float:
        """Of both passes."""
        return sum(self.seconds.values())


def measure_networks(
    table: Path, ask: Ask, networks: Sequence[str], batch: int, note: Callable[[str], None]
) -> list[Step]:
    """Time networks that the table does not have yet at this batch.

    Returns:
        All those asked for, in their order.
    """
    steps = {(one.network, one.batch): one for one in read_networks(table)}
    for network in networks:
        if (network, batch) in steps:
            continue
        note(network)
        seconds = ask({"network": network, "batch": batch})
        steps[network, batch] = Step(network, batch, dict(seconds))
        if not table.exists():
            table.write_text(",".join(_NETWORK_COLUMNS) + "\n", "utf-8")
        with table.open("a", encoding="utf-8") as file:
            times = ",".join(f"{seconds[way]:.5g}" for way in PASSES)
            file.write(f"{network},{batch},{times}\n")
    return [steps[network, batch] for network in networks]


def read_networks(table: Path) -> list[Step]:
    """The networks of a table; none if there is no such file.

    Raises:
        InputError: it is none of ours.
    """
    if not table.exists():
        return []
    reader = csv.DictReader(io.StringIO(table.read_text("utf-8")))
    steps = []
    for cells in reader:
        try:
            seconds = {way: float(cells[f"{way}_seconds"]) for way in PASSES}
            steps.append(Step(cells["network"], int(cells["batch"]), seconds))
        except (KeyError, TypeError, ValueError):
            hint = f"its columns are {', '.join(_NETWORK_COLUMNS)}"
            problem = Problem(f"{table}:{reader.line_num}", "no network and its times", hint)
            raise InputError([problem]) from None
    return steps
