"""`dmlbed bound`."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from orchestrator.analysis.tables.columns.units import heading, with_unit
from orchestrator.cli.bound.aggregation import aggregation_rows, describe_aggregation
from orchestrator.cli.bound.allreduce import allreduce_lines, allreduce_rows, describe_allreduce
from orchestrator.cli.bound.demands import describe_demands, no_bounds
from orchestrator.cli.bound.sweep import bound_sweep
from orchestrator.cli.job_bounds import LEGEND, describe_jobs, job_bound_table
from orchestrator.errors import InputError, Problem
from orchestrator.predict import (
    MAX_STEPS,
    Case,
    LowerBound,
    Prediction,
    allreduce_times,
    effort,
    expected,
    long_ways,
    own_paces,
    predictions,
)
from orchestrator.spec import (
    Experiment,
    Overrides,
    load_experiment,
    number_text,
    rate_text,
    shown_path,
)
from orchestrator.spec.values.fields import MAX_COUNT
from orchestrator.spec.values.text import counted
from orchestrator.terminal.console import answers, say
from orchestrator.terminal.tables import Column, FittedTable
from workloads.models.profiles import load_model


@click.command()
@click.argument("experiment", type=click.Path(path_type=Path))
@click.option("--models", metavar="A,B", help="Only these models.")
@click.option("--batch", type=click.IntRange(1, MAX_COUNT), metavar="N", help="Images per worker.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bound(experiment: Path, models: str | None, batch: int | None, as_json: bool) -> None:
    """Say how fast an iteration can be at best, and what schedules are expected to take.

    All figures are the real system's. They come from the topology's rates, the models' layers and
    the device models alone; nothing is run.
    """
    names = None if models is None else tuple(name.strip() for name in models.split(","))
    loaded = load_experiment(experiment, Overrides(models=names))
    if batch is not None:
        if loaded.sweep is not None and loaded.sweep.varies("batch"):
            raise InputError([Problem("--batch", "the batch is what the sweep varies")])
        loaded = replace(loaded, batch=batch)
    if not loaded.models:
        problem = "nothing is trained in it, and of programs no bound is known"
        raise InputError([Problem(str(experiment), problem, "name 'models' and 'schedules'")])
    _check_effort(experiment, loaded)
    if loaded.sweep is not None:
        bound_sweep(loaded, loaded.sweep, as_json)
        return
    described = describe(loaded)
    if as_json:
        print(json.dumps(described))
        return
    console = answers()
    say(
        console,
        f"{loaded.name}: {counted(described['workers'], 'worker')} on {loaded.topology.name}, "
        f"batch {loaded.batch}, real system",
    )
    say(console, _fullest(described))
    console.print(_limit_table(described))
    console.print()
    console.print(_time_table(described))
    console.print()
    if described["jobs"]:
        console.print(job_bound_table(described["jobs"]))
        for line in LEGEND:
            say(console, line)
        console.print()
    real = (_REAL,) if loaded.learning.real else ()
    for line in (
        *described["delays"],
        *allreduce_lines(described),
        *_why_not(described),
        *real,
        *_LEGEND,
    ):
        say(console, line)


def _check_effort(file: Path, experiment: Experiment) -> None:
    """See that there is an answer within minutes.

    Raises:
        InputError: there is not.
    """
    points = [point.experiment for point in experiment.points()] or [experiment]
    steps = sum(
        effort(
            experiment.schedule(name),
            experiment.order(name),
            point.exchange,
            experiment.model(model),
        )
        for point in points
        for model in experiment.models
        for name in experiment.schedules
    )
    if steps > MAX_STEPS:
        message = f"{steps} steps of simulation, and {MAX_STEPS} are the most"
        hint = "fewer points, schedules or workers, larger slices, or some of its --models"
        raise InputError([Problem(shown_path(file), message, hint)])


_REAL = (
    "`compute: torch`: a run computes real layers; here they take the time of the device model, so "
    "that nothing here is a bound of that run"
)
_LEGEND = (
    "u: one worker's bytes of the model on that link; n: workers; C: forward and backward of the",
    "slowest worker; Cf: its forward; Bl: backward of the last layer; slices have no barrier;",
    "in step: no worker goes on before all gradients of an iteration are applied together",
)


def describe(experiment: Experiment) -> dict[str, Any]:
    """Bounds and predictions of every model as data."""
    exchange, devices, batch = experiment.exchange, experiment.devices, experiment.batch
    order = experiment.order
    described = []
    for name in experiment.models:
        case = Case.of(experiment, name)
        limit, network = _limit(case)
        described.append(
            {
                "model": name,
                "u_seconds": limit.u_seconds,
                "compute_seconds": limit.compute_seconds,
                "forward_seconds": limit.forward_seconds,
                "fullest": [
                    {
                        "port": str(load.port),
                        "direction": load.direction,
                        "workers": len(load.workers),
                        "goodput_bps": load.goodput_bps,
                        "seconds": load.seconds,
                    }
                    for load in limit.fullest
                ],
                "limit": "compute" if limit.seconds > network else "link",
                "bound": _times(limit, limit.seconds),
                "barrier_bound": _times(limit, limit.barrier_seconds),
                "own_paces_bound": _times(
                    limit, _own_paces_seconds(case) if exchange.server else limit.seconds
                ),
                "all_reduce": describe_allreduce(case, partial(_times, limit)),
                "aggregation": describe_aggregation(case, partial(_times, limit)),
                "demand_bounds": describe_demands(experiment, case, partial(_times, limit)),
                "predictions": [
                    _prediction(limit, form)
                    for form in (
                        predictions(exchange, case.model, devices, batch, case.carried)
                        if exchange.server
                        else ()
                    )
                ],
                "schedules": [
                    _prediction(limit, expected(experiment.schedule(own), case, order(own)))
                    for own in experiment.schedules
                ],
            }
        )
    return {
        "experiment": experiment.name,
        "topology": experiment.topology.name,
        "workers": len(exchange.workers),
        "batch": batch,
        "goodput": "1448/1514 of the rates",
        "delays": list(
            long_ways(
                experiment.probed.exchange.demands,
                experiment.socket_buffers,
                experiment.known_scale,
            )
        ),
        "models": described,
        "jobs": describe_jobs(experiment),
    }


def _limit(case: Case) -> tuple[LowerBound, float]:
    """What limits an iteration, and for how many seconds it is busiest on a link.

    Without a parameter server: what limits any all-reduce.
    """
    limit = case.bound
    if limit.fullest:
        return limit, limit.links_seconds
    known = allreduce_times(case)
    assert known is not None  # without a server there are several workers
    least = replace(limit, seconds=known.seconds, barrier_seconds=known.barrier_seconds)
    return least, known.network.seconds


def _own_paces_seconds(case: Case) -> float:
    """Of as many images as an iteration has, where no worker waits for another one."""
    most = own_paces(case.exchange, case.model, case.devices, case.batch, case.carried)
    return case.bound.images / most


def _times(limit: LowerBound, seconds: float) -> dict[str, float]:
    return {
        "seconds": seconds,
        "u": limit.in_u(seconds),
        "imgs_per_sec": limit.imgs_per_sec(seconds),
    }


def _prediction(limit: LowerBound, form: Prediction) -> dict[str, Any]:
    named = {"schedule": form.schedule, "formula": form.formula}
    if form.seconds is None:
        return {**named, "why_not": form.why_not}
    return {**named, **_times(limit, form.seconds)}


def _fullest(described: dict[str, Any]) -> str:
    """The links that are busy longest: the topology's, and the same for all models."""
    loads = described["models"][0]["fullest"]
    if not loads:
        return "no parameter server is placed; u is of the slowest link at a worker"
    first = {load["direction"]: load for load in reversed(loads)}
    named = [f"{load['port']} ({way})" for way, load in sorted(first.items())]
    others = len(loads) - len(named)
    shared = loads[0]["workers"]
    return (
        f"fullest: {' and '.join(named)}{f' and {others} like them' if others else ''}, "
        f"each for {shared} worker{'' if shared == 1 else 's'} "
        f"at {rate_text(loads[0]['goodput_bps'])} of payload "
        "(1448/1514 of the rate: a run measures it)"
    )


def _limit_table(described: dict[str, Any]) -> FittedTable:
    titles = ("u, s", "C, s", "Cf, s", "C, u", "bound, s", "with\nbarrier, s")
    numbers = (Column(title, right=True) for title in titles)
    table = FittedTable((Column("model"), *numbers, Column("bound by")))
    for model in described["models"]:
        u, compute, forward = (model[f"{name}_seconds"] for name in ("u", "compute", "forward"))
        bounds = (model[name]["seconds"] for name in ("bound", "barrier_bound"))
        table.add(
            model["model"],
            *(number_text(value, digits=4) for value in (u, compute, forward)),
            number_text(compute / u, 2),
            *(number_text(value, digits=4) for value in bounds),
            model["limit"],
        )
    return table


def _time_table(described: dict[str, Any]) -> FittedTable:
    names = (Column("model"), Column("schedule"), Column("iteration"))
    units = {load_model(model["model"]).rate_unit for model in described["models"]}
    numbers = (
        Column("u", right=True, together=True),
        Column(heading(units), right=True, together=True),
    )
    table = FittedTable((*names, *numbers), keys=2, merged=True)
    for model in described["models"]:
        forms = [*model["predictions"], *model["schedules"]]
        in_step, apart = model["bound"], model["own_paces_bound"]
        all_alike = apart["seconds"] > in_step["seconds"] * (1 - 1e-6)
        served = [
            ("any", "lower bound", apart),
            *([] if all_alike else [("any with workers in step", "lower bound", in_step)]),
            ("any with a step barrier", "lower bound", model["barrier_bound"]),
        ]
        rows = [
            *(served if model["fullest"] else ()),
            *aggregation_rows(model["aggregation"]),
            *allreduce_rows(model["all_reduce"]),
            *(
                (form["schedule"], form["formula"], form)
                for form in (*model["demand_bounds"], *forms)
                if "why_not" not in form
            ),
        ]
        counted = load_model(model["model"])
        for schedule, formula, times in rows:
            rate = number_text(counted.rate(times["imgs_per_sec"]), 3)
            table.add(
                model["model"],
                schedule,
                formula,
                number_text(times["u"], 2),
                with_unit(rate, counted.rate_unit, units),
            )
    return table


def _why_not(described: dict[str, Any]) -> list[str]:
    """One line for each reason: it is the topology's, and the same for all models."""
    schedules: dict[str, dict[str, None]] = {}
    for model in described["models"]:
        for form in (*model["predictions"], *model["schedules"]):
            if "why_not" in form:
                schedules.setdefault(form["why_not"], {})[form["schedule"]] = None
    every = {form["schedule"] for model in described["models"] for form in model["predictions"]}
    return [
        *no_bounds(described["models"]),
        *(
            f"no prediction of {'any schedule' if set(names) == every else '; '.join(names)}: "
            f"{why_not}"
            for why_not, names in schedules.items()
        ),
    ]
