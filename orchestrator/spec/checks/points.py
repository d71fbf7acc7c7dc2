"""Every point of a sweep is checked like an experiment of its own; problems name the point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orchestrator.spec.checks.conditions import ConditionsCheck
from orchestrator.spec.checks.queues import least_text, short_queues, why_short
from orchestrator.spec.checks.sweeps import place_of
from orchestrator.spec.sweep import Conditions, Sweep, Values, conditions
from orchestrator.spec.traffic.class_plan import unfit
from orchestrator.spec.traffic.server_exchange import exchange_of
from orchestrator.spec.values.text import counted
from orchestrator.spec.yaml.document import Document


def check_points(
    document: Document,
    swept: tuple[Sweep, Sweep] | None,
    *,
    switch: str,
    check: ConditionsCheck,
) -> tuple[Conditions, ...]:
    """Checks an experiment under its own conditions, and at all points of its sweep.

    Adds a problem for what is wrong at a point and not without the sweep.

    Args:
        document: of the experiment.
        swept: the sweep as the file has it, and without the values that are wrong by themselves;
            None: there is none.
        switch: the kind of switch asked for.
        check: what an experiment is checked for.

    Returns:
        The conditions at the points.
    """
    check(document, check.base)
    if swept is None:
        return ()
    written, sweep = swept
    wrong: dict[tuple[str, str], list[Values]] = {}
    points = []
    for values in sweep.points:
        found = replace(document, problems=[], bad=set(), cut=set())
        try:
            at = conditions(sweep, values, check.base)
        except ValueError as error:
            found.report_at((), str(error))
        else:
            points.append(at)
            if at.topology != check.base.topology:
                _check_network(found, at, switch)
            check(found, at)
        for problem in found.sorted_problems():
            wrong.setdefault((problem.message, problem.hint), []).append(values)
    known = {(problem.message, problem.hint) for _, problem in document.problems}
    for (message, hint), where in wrong.items():
        if (message, hint) not in known:
            _report(document, written, where, message, hint)
    return tuple(points)


def _check_network(document: Document, at: Conditions, switch: str) -> None:
    demands = exchange_of(at.topology, at.placement.probed).demands
    if why := unfit(demands, switch):
        document.report_at(("topology",), why)
    for port, _, least in short_queues(demands):
        document.report_at(("sweep",), why_short(demands, port), least_text(least))


def _report(
    document: Document, sweep: Sweep, points: Sequence[Values], message: str, hint: str
) -> None:
    """At the value that all these points have in common; else at the sweep."""
    for number, variable in enumerate(sweep.variables):
        (value, *others) = {values[number] for values in points}
        if not others:
            loc = place_of(variable, variable.values.index(value))
            label = sweep.label(points[0]) if len(points) == 1 else variable.label(value)
            document.report_at(loc, f"{label}: {message}", hint)
            return
    more = f" and {counted(len(points) - 1, 'more point')}"
    document.report_at(("sweep",), f"{sweep.label(points[0])}{more}: {message}", hint, key=True)
