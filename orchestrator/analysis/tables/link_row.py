"""The links that the jobs of a run share: how full they are of all, and of each job alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.analysis.tables.job_row import is_of
from orchestrator.analysis.tables.row import Row
from orchestrator.spec import rate_text
from orchestrator.spec.experiment.choices import NOTHING, Choices
from orchestrator.terminal.tables import Column, FittedTable


@dataclass(frozen=True)
class LinkRow:
    """A shared link while jobs ran beside each other, mean over the repeats.

    Attributes:
        port: its sending end, `node->peer`.
        beside: the choices of the row whose measured time it is.
        bps: payload in bit/s of the real system.
        share: of what it can carry.
        alone: the same share by the job that ran alone; the measured one has no name.
    """

    port: str
    beside: Choices
    bps: float
    share: float
    alone: Mapping[str, float]


def link_rows(rows: Sequence[Row]) -> tuple[LinkRow, ...]:
    """A line for each row that ran beside other jobs and each link that they share and fill.

    Those that are less than half as full as the fullest one limit nobody, and are left out.
    """
    return tuple(
        LinkRow(link.port, row.choices, link.bps, link.share, _alone(row, link.port, rows))
        for row in rows
        if any(trial.beside for trial in row.trials)
        for link in row.links
        if link.share and link.share >= max(one.share for one in row.links) / 2
    )


def _alone(row: Row, port: str, rows: Sequence[Row]) -> dict[str, float]:
    """By job, how full it makes a link without the others; of the measured one, as in the row."""
    jobs = {one.job.name: one.job for trial in row.trials for one in trial.beside}
    without = Choices(**{**row.choices, "beside": NOTHING})
    shares: dict[str, float] = {}
    for other in rows:
        its = [name for name, job in jobs.items() if is_of(other.choices, job, row.schedule)]
        if other.choices == without:
            its.append("")
        for link in other.links:
            if link.port == port:
                shares |= dict.fromkeys(its, link.share)
    return shares


def link_table(rows: Sequence[LinkRow]) -> FittedTable:
    """How full shared links are: of all jobs together, and of each that also ran alone."""
    alone = dict.fromkeys(job for row in rows for job in row.alone)
    columns = [Column(title, right=True) for title in ("goodput", "full %", *map(_title, alone))]
    table = FittedTable([Column("shared link"), Column("beside"), *columns], keys=2, gap=1)
    for row in rows:
        table.add(
            row.port,
            str(row.beside),
            rate_text(round(row.bps)),
            _percent(row.share),
            *(_percent(row.alone.get(job)) for job in alone),
        )
    return table


def _title(job: str) -> str:
    return f"{job} alone\nfull %" if job else "alone\nfull %"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"
