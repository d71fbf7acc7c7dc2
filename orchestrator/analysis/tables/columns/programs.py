"""The measures of programs, those in which trainings and programs differ, and shared links."""

from __future__ import annotations

from statistics import fmean

from orchestrator.analysis.measures.programs.pairs import Pairs, most_off
from orchestrator.analysis.measures.shared_links import LinkGoodput
from orchestrator.analysis.tables.columns.declared import Measure, TableColumn, of
from orchestrator.analysis.tables.row import Row


def _interval(row: Row) -> list[float] | None:
    interval = row.imgs_per_sec.interval
    return None if interval is None else list(interval)


def _mean(values: list[float]) -> float | None:
    return fmean(values) if values else None


def _full_time(row: Row) -> float | None:
    return _mean([trial.fullest.full for trial in row.trials if trial.fullest])


def _sent(pairs: Pairs | None) -> str:
    return ";".join(f"{a}->{b}={count}" for (a, b), count in (pairs or {}).items())


def _ports(links: tuple[LinkGoodput, ...]) -> list[str]:
    return [one.port for one in links]


def _off(row: Row) -> float | None:
    return max((one for t in row.trials if (one := most_off(t)) is not None), key=abs, default=None)


PROGRAM: tuple[Measure, ...] = (
    Measure("throughput", "unit", of(lambda t: t.imgs_per_sec), lambda r: r.imgs_per_sec.mean),
    Measure("throughput_interval", "unit", row=_interval),
    Measure("unit", trial=of(lambda t: t.unit), row=lambda r: r.unit),
    Measure(
        "fullest_link",
        trial=of(lambda t: t.fullest.port if t.fullest else None),
        row=lambda r: r.trials[0].fullest.port if r.trials[0].fullest else None,
    ),
    Measure(
        "fullest_link_mean",
        "1",
        of(lambda t: t.fullest.mean if t.fullest else None),
        lambda r: _mean([t.fullest.mean for t in r.trials if t.fullest]),
    ),
    Measure(
        "fullest_link_full_time",
        "1",
        of(lambda t: t.fullest.full if t.fullest else None),
        _full_time,
        TableColumn(
            "link\nfull %",
            lambda r: "" if (full := _full_time(r)) is None else f"{100 * full:.0f}",
            "of a program: for how much of the measured time its fullest link was full, in "
            "percent. Near 100 the network limits it; near 0 compute does, or waiting",
        ),
    ),
    Measure(
        "payload_by_pair",
        "B",
        of(lambda t: _sent(t.pairs)),
        lambda r: [f"{a}->{b}={count:.0f}" for (a, b), count in r.pair_payload().items()],
    ),
    Measure("payload_by_rule", "B", of(lambda t: _sent(t.rule_pairs))),
    Measure("said_by_pair", "B", of(lambda t: _sent(t.said_pairs))),
    Measure(
        "sent_off_pct",
        "%",
        of(most_off),
        _off,
        TableColumn(
            "sent\noff %",
            lambda r: "" if (off := _off(r)) is None else f"{off:+.2f}",
            "of a program that says what it sends: by how much the links' counters are above it, "
            "in percent, of the two hosts and the repeat of which it is most",
        ),
    ),
    Measure("shared_links", trial=of(lambda t: _ports(t.links)), row=lambda r: _ports(r.links)),
    Measure(
        "shared_links_bps",
        "bit/s",
        of(lambda t: [one.bps for one in t.links]),
        lambda r: [one.bps for one in r.links],
    ),
    Measure(
        "shared_links_share",
        "1",
        of(lambda t: [one.share for one in t.links]),
        lambda r: [one.share for one in r.links],
    ),
)
