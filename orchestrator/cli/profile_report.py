"""A profile's report for people, and as JSON."""

from __future__ import annotations

import json

from rich.console import Console

from orchestrator.profile.report import Pair, Report
from orchestrator.profile.rules import rules
from orchestrator.terminal.console import say
from orchestrator.terminal.tables import Column, FittedTable


def print_report(console: Console, report: Report) -> None:
    """Rules, errors, whole networks and telling pairs."""
    for kind, passes in report.trees.items():
        for line in rules(kind, passes):
            say(console, line)
        say(console, "")
    if report.errors:
        console.print(_errors(report))
        whole = report.errors[-1]
        say(
            console,
            "Error: mean of |predicted - measured| / measured over the layers held out, forward and"
            " backward together. The line in MACs has a constant and a slope per kind and pass."
            f" Of all, the trees have {whole.tree / whole.macs:.2f} of its error.",
        )
        say(console, "")
    if report.networks:
        console.print(_networks(report))
        say(console, "")
    _pairs(console, "Equal MACs, different times", report.equal_macs)
    _pairs(console, "Fewer MACs, more time", report.less_for_more)
    say(console, ", ".join(f"{name} {value}" for name, value in report.about.items()))


def _errors(report: Report) -> FittedTable:
    titles = ("learnt from", "held out", "trees", "line in MACs")
    table = FittedTable((Column("kind"), *(Column(title, right=True) for title in titles)))
    for one in report.errors:
        shares = (f"{100 * share:.1f} %" for share in (one.tree, one.macs))
        table.add(one.kind or "all", str(one.learnt), str(one.held_out), *shares)
    return table


def _networks(report: Report) -> FittedTable:
    titles = ("batch", "measured s", "sum of layers s", "off")
    table = FittedTable((Column("network"), *(Column(title, right=True) for title in titles)))
    for one in report.networks:
        seconds = (f"{each:.4g}" for each in (one.measured_seconds, one.predicted_seconds))
        table.add(one.network, str(one.batch), *seconds, f"{100 * one.error:+.1f} %")
    return table


def _pairs(console: Console, title: str, pairs: tuple[Pair, ...]) -> None:
    if not pairs:
        return
    say(console, f"{title}:")
    for pair in pairs:
        for row in (pair.slow, pair.fast):
            milliseconds = 1e3 * row.step_seconds
            macs = row.work.macs / 1e6
            say(console, f"  {milliseconds:.3g} ms, {macs:.3g} MMACs: {row.work.kind} {row.layer}")
        say(console, "")


def as_json_text(report: Report) -> str:
    """The report as one JSON object."""

    def pairs(them: tuple[Pair, ...]) -> list[list[dict[str, object]]]:
        return [
            [
                {
                    "kind": row.work.kind,
                    "layer": row.layer,
                    "macs": row.work.macs,
                    "seconds": row.step_seconds,
                }
                for row in (pair.slow, pair.fast)
            ]
            for pair in them
        ]

    return json.dumps(
        {
            "about": dict(report.about),
            "errors": [
                {
                    "kind": one.kind or "all",
                    "learnt": one.learnt,
                    "held_out": one.held_out,
                    "tree_error": one.tree,
                    "macs_error": one.macs,
                }
                for one in report.errors
            ],
            "networks": [
                {
                    "network": one.network,
                    "batch": one.batch,
                    "measured_seconds": one.measured_seconds,
                    "predicted_seconds": one.predicted_seconds,
                    "error": one.error,
                }
                for one in report.networks
            ],
            "equal_macs": pairs(report.equal_macs),
            "less_for_more": pairs(report.less_for_more),
            "kinds": report.trees,
        }
    )
