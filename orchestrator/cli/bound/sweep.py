"""`dmlbed bound` of an experiment with a sweep: what is expected at every point."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from orchestrator.cli.bound.demands import describe_demands, no_bounds
from orchestrator.predict import (
    Case,
    LowerBound,
    allreduce_times,
    crossings,
    expected,
    limits,
    most_of,
    of_all,
)
from orchestrator.spec import Experiment, Point, Sweep, number_text
from orchestrator.spec.sweep import VALUE_KEYS
from orchestrator.spec.values.text import counted
from orchestrator.terminal.console import answers, say
from orchestrator.terminal.tables import Column, FittedTable, narrow
from workloads.models.profiles import Model, load_model

_LEGEND = (
    "u: one worker's bytes of the model on the fullest link; nu: what all together take there; C:",
    "forward and backward of the slowest worker; throughput of the real system, and percent of the",
    "bound, simulated from each schedule's choices; - where the simulation does not apply; bound:",
    "the highest of these schedules'",
)


def bound_sweep(experiment: Experiment, sweep: Sweep, as_json: bool) -> None:
    """Print bounds and predictions of every model at every point."""
    described = describe_sweep(experiment, sweep)
    if as_json:
        print(json.dumps(described))
        return
    console = answers()
    say(
        console,
        f"{experiment.name}: {counted(len(sweep.points), 'point')} of {sweep.title} on "
        f"{experiment.topology.name}, real system",
    )
    for name in experiment.models:
        own = [place for place in described["places"] if place["model"] == name]
        # A grid has a table for each value of its second variable.
        for second in dict.fromkeys(place.get("second_value") for place in own):
            console.print()
            places = [place for place in own if place.get("second_value") == second]
            console.print(_table(name, sweep, places))
            for line in _pays(experiment, sweep, places):
                say(console, line)
    console.print()
    for line in (*_why_not(described), *_LEGEND):
        say(console, line)


def describe_sweep(experiment: Experiment, sweep: Sweep) -> dict[str, Any]:
    """Bounds and predictions as data: model by model, each at all points."""
    return {
        "experiment": experiment.name,
        "topology": experiment.topology.name,
        "sweep": sweep.resolved(),
        "places": [
            _place(name, sweep, point)
            for name in experiment.models
            for point in experiment.points()
        ],
    }


def _place(model: str, sweep: Sweep, point: Point) -> dict[str, Any]:
    experiment = point.experiment
    case = Case.of(experiment, model)
    limit = case.bound
    most = most_of(map(experiment.schedule, experiment.schedules), case)
    reduced = allreduce_times(case)
    demand_bounds = describe_demands(experiment, case, partial(_times, limit))
    bounds = {form["schedule"]: form.get("imgs_per_sec") for form in demand_bounds}
    predictions: list[dict[str, Any]] = []
    for name in experiment.schedules:
        form = expected(experiment.schedule(name), case, experiment.order(name))
        if form.seconds is None:
            predictions.append({"schedule": name, "why_not": form.why_not})
            continue
        own = bounds.get(name, most)  # of what it sends, if that is something else
        share = 100 * limit.imgs_per_sec(form.seconds) / own if own else None
        predictions.append(
            {"schedule": name, **_times(limit, form.seconds), "share_of_bound_pct": share}
        )
    return {
        "model": model,
        "point": point.label,
        **sweep.named(point.values),
        "u_seconds": limit.u_seconds,
        "compute_seconds": limit.compute_seconds,
        "compute_over_links": limit.compute_seconds / limit.links_seconds,
        "limits": limits(limit),
        "bound_seconds": limit.images / most,
        "bound_imgs_per_sec": most,
        "barrier_bound_imgs_per_sec": limit.imgs_per_sec(limit.barrier_seconds),
        "all_reduce": reduced
        and {"kind": reduced.network.kind, "bound": _times(limit, reduced.seconds)},
        "demand_bounds": demand_bounds,
        "predictions": predictions,
    }


def _times(limit: LowerBound, seconds: float) -> dict[str, float]:
    return {
        "seconds": seconds,
        "u": limit.in_u(seconds),
        "imgs_per_sec": limit.imgs_per_sec(seconds),
    }


def _table(model: str, sweep: Sweep, places: Sequence[dict[str, Any]]) -> FittedTable:
    first = sweep.first
    points = (Column(first.text(place["value"]), right=True) for place in places)
    beside = sweep.beside(tuple(places[0][key] for key in VALUE_KEYS if key in places[0]))
    of = f"{model}, {beside}" if beside else model
    counts = load_model(model)
    table = FittedTable((Column(f"{of}, {counts.rate_unit}\n{first.title}"), *points))
    table.add("u, s", *(number_text(place["u_seconds"], digits=4) for place in places))
    table.add("C, s", *(number_text(place["compute_seconds"], digits=4) for place in places))
    table.add("C/nu", *(number_text(place["compute_over_links"], 2) for place in places))
    table.add("limited by", *(narrow(place["limits"]) for place in places))
    table.add("bound", *(_of_bound(counts, place, "bound_imgs_per_sec") for place in places))
    table.add(
        "with a step barrier",
        *(_of_bound(counts, place, "barrier_bound_imgs_per_sec") for place in places),
    )
    reduced = [place["all_reduce"] and place["all_reduce"]["bound"] for place in places]
    if any(reduced):
        table.add(
            "any all-reduce",
            *("-" if one is None else _rate(counts, one["imgs_per_sec"]) for one in reduced),
        )
    for number, form in enumerate(places[0]["demand_bounds"]):
        known = [place["demand_bounds"][number].get("imgs_per_sec") for place in places]
        if any(known):
            table.add(
                f"bound of {form['schedule']}",
                *("-" if rate is None else _rate(counts, rate) for rate in known),
            )
    for number, form in enumerate(places[0]["predictions"]):
        shares = (_share(counts, place["predictions"][number]) for place in places)
        table.add(form["schedule"], *shares)
    return table


def _pays(experiment: Experiment, sweep: Sweep, places: Sequence[dict[str, Any]]) -> list[str]:
    """Where schedules are expected to be faster than the baseline: between the points."""
    if not sweep.first.numeric or len(places) < 2:
        return []
    known = sorted(places, key=lambda place: float(place["value"]))
    rates = {
        name: [
            form.get("imgs_per_sec")
            for place in known
            for form in place["predictions"]
            if form["schedule"] == name
        ]
        for name in experiment.schedules
    }
    base = rates.pop(experiment.baseline, [None])
    alike: dict[str, list[str]] = {}
    for name, own in rates.items():
        if any(own) and any(base):
            ratios = [a / b if a and b else None for a, b in zip(own, base, strict=True)]
            crossed = crossings([float(place["value"]) for place in known], ratios)
            alike.setdefault(crossed.sentence(sweep.first.rounded_text), []).append(name)
    return [
        f"expected against {experiment.baseline}: {of_all(names, what)}"
        for what, names in alike.items()
    ]


def _rate(counts: Model, imgs_per_sec: float) -> str:
    """Imgs/sec as the model counts."""
    return number_text(counts.rate(imgs_per_sec), 3)


def _share(counts: Model, form: dict[str, Any]) -> str:
    """The throughput of a prediction, and percent of its schedule's bound, if that is known."""
    if form.get("imgs_per_sec") is None:
        return "-"
    share = form["share_of_bound_pct"]
    rate = _rate(counts, form["imgs_per_sec"])
    return f"{rate} {'' if share is None else f'{share:3.0f} %'}"


def _of_bound(counts: Model, place: dict[str, Any], key: str) -> str:
    if (rate := place[key]) is None:
        return "-"
    return f"{_rate(counts, rate)} {100 * rate / place['bound_imgs_per_sec']:3.0f} %"


def _why_not(described: dict[str, Any]) -> list[str]:
    """One line for each reason, with the schedules that it holds for."""
    schedules: dict[str, dict[str, None]] = {}
    for place in described["places"]:
        for form in place["predictions"]:
            if "why_not" in form:
                schedules.setdefault(form["why_not"], {})[form["schedule"]] = None
    return [
        *no_bounds(described["places"]),
        *(f"no prediction of {', '.join(names)}: {why}" for why, names in schedules.items()),
    ]
