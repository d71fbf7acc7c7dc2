"""`dmlbed shrink`."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from orchestrator.errors import InputError, Problem
from orchestrator.profile.timer import Timer
from orchestrator.shrink.comparison import AS_IT_IS, BY_SECONDS, Variant, compared, on_topology
from orchestrator.spec.files.device_file import device_of
from orchestrator.spec.files.model_file import model_of, model_text
from orchestrator.spec.load import load_cluster
from orchestrator.spec.values.text import quoted
from orchestrator.terminal.console import answers, say
from orchestrator.terminal.tables import Column, FittedTable
from workloads.models.devices import DeviceModel
from workloads.models.profiles import Model, model_names

_LEAST_WIDTH = 0.25
_MOST_WIDTHS = 12
_BUILT_ANEW = {"convolution", "depthwise", "dense"}
"""Kinds of layers of the networks that PyTorch can be asked for with other widths."""


@click.command()
@click.argument("model")
@click.option("--device", required=True, metavar="D", help="A device's name, or its file.")
@click.option(
    "--budget",
    required=True,
    metavar="SECONDS",
    help="Of a step, forward and backward; or a share of today's, such as 60%.",
)
@click.option(
    "--batch", type=click.IntRange(1, 1 << 20), default=1, metavar="N", help="Examples of a step."
)
@click.option(
    "--least-width",
    type=click.FloatRange(0.01, 1),
    default=_LEAST_WIDTH,
    metavar="SHARE",
    help=f"Of its channels that each layer keeps; {_LEAST_WIDTH:g} if left out.",
)
@click.option(
    "--topology",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Say how long an iteration takes on it at best, all workers having the device.",
)
@click.option(
    "--measure",
    type=click.IntRange(1),
    metavar="THREADS",
    help="Time steps on this machine with PyTorch, too.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="MODEL.yaml", help="Write the shrunk model."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def shrink(model: str, *, as_json: bool, **options: Any) -> None:
    """Propose widths of MODEL that meet a time budget on a device and cost few parameters.

    The same budget is met by multiply-accumulates for comparison, as one does who does not know
    how long layers take.
    """
    whole, device = _model(model), _device(options["device"])
    if kinds := device.missing(whole.layers):
        problem = f"has no times of layers of kind {kinds[0]!r}, as {model} has"
        raise InputError([Problem("--device", problem, "profile that kind")])
    batch = options["batch"]
    today = sum(
        device.forward_seconds(layer, batch) + device.backward_seconds(layer, batch)
        for layer in whole.layers
    )
    budget = _budget(options["budget"], today)
    _check_measured(whole, options["measure"])
    variants = compared(whole, device, batch, budget, least=options["least_width"])
    if options["topology"] is not None:
        variants = _on_topology(variants, options["topology"], device, batch)
    times = _measured(variants, model, batch, options["measure"]) if options["measure"] else {}
    by_seconds = next(one for one in variants if one.way == BY_SECONDS)
    if options["out"] is not None:
        named = replace(by_seconds.model, name=options["out"].stem)
        options["out"].write_text(model_text(named), "utf-8")
    if as_json:
        print(json.dumps(_as_json(variants, times, budget)))
        return
    _print(variants, times, budget, device, batch)


def _model(name: str) -> Model:
    return model_of(name, Path(), "MODEL")


def _check_measured(model: Model, threads: int | None) -> None:
    """Check that a model of other widths can be timed with so many threads, if it is asked for."""
    cpus = len(os.sched_getaffinity(0))
    problem = ""
    if threads is not None and threads > cpus:
        problem = f"there are {cpus} CPUs, found {threads}"
    elif threads is not None and {layer.kind for layer in model.layers} - _BUILT_ANEW:
        problem = "only the library's networks of planar convolutions are built with other widths"
    if problem or (threads is not None and model.name not in model_names()):
        problem = problem or "only networks of the library are built with other widths"
        raise InputError([Problem("--measure", problem)])


def _device(name: str) -> DeviceModel:
    return device_of(name, Path(), "--device")


def _budget(text: str, today: float) -> float:
    share = text.endswith("%")
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = 0.0
    seconds = value / 100 * today if share else value
    if not 0 < seconds < float("inf"):
        problem = f"must be seconds, or a share such as 60%, found {quoted(text)}"
        raise InputError([Problem("--budget", problem)])
    return seconds


def _on_topology(
    variants: tuple[Variant, ...], path: Path, device: DeviceModel, batch: int
) -> tuple[Variant, ...]:
    topology, placement = load_cluster(path)
    if placement is None:
        hint = "add 'role: ps' and 'role: worker'"
        raise InputError([Problem(str(path), "its hosts have no roles", hint)])
    return on_topology(variants, topology, placement, device, batch)


def _measured(
    variants: tuple[Variant, ...], name: str, batch: int, threads: int
) -> dict[str, float]:
    with Timer(threads) as ask:
        return {
            one.way: sum(
                ask({"network": name, "batch": batch, "model": one.model.to_json()}).values()
            )
            for one in variants
        }


def _print(
    variants: tuple[Variant, ...],
    times: dict[str, float],
    budget: float,
    device: DeviceModel,
    batch: int,
) -> None:
    console = answers()
    whole = variants[0]
    say(
        console,
        f"{whole.model.name} on {device.name}, batch {batch}: "
        f"{_seconds(whole.seconds)} a step, budget {_seconds(budget)}",
    )
    titles = ["parameters", "lost", "MACs", "predicted"]
    titles += ["measured", "off"] if times else []
    titles += ["MB per iteration"]
    titles += ["iteration at best"] if whole.bound is not None else []
    table = FittedTable((Column("shrunk"), *(Column(title, right=True) for title in titles)))
    for one in variants:
        lost = 1 - one.parameters / whole.parameters
        cells = [
            f"{one.parameters:,}",
            f"{100 * lost:.2f} %",
            f"{one.macs / 1e6:,.1f} M",
            _seconds(one.seconds),
        ]
        if times:
            off = one.seconds / times[one.way] - 1
            cells += [_seconds(times[one.way]), f"{100 * off:+.1f} %"]
        cells.append(f"{one.bytes_per_iteration / 1e6:.2f}")
        if one.bound is not None:
            cells.append(_seconds(one.bound.seconds))
        table.add(one.way if one.reached or one.way == AS_IT_IS else f"{one.way}: missed", *cells)
    console.print(table)
    for one in variants[1:]:
        widths = [f"{name} {had} -> {has}" for name, (had, has) in one.widths.items()]
        more = f" and {len(widths) - _MOST_WIDTHS} more" if len(widths) > _MOST_WIDTHS else ""
        say(console, f"{one.way}: {', '.join(widths[:_MOST_WIDTHS]) or 'nothing'}{more}")
    if not variants[1].reached:
        say(console, "The budget is not met: no layer can have fewer channels (--least-width).")


def _seconds(seconds: float) -> str:
    return f"{seconds:.4g} s"


def _as_json(
    variants: tuple[Variant, ...], times: dict[str, float], budget: float
) -> dict[str, Any]:
    whole = variants[0]
    return {
        "budget_seconds": budget,
        "variants": [
            {
                "way": one.way,
                "reached": one.reached,
                "parameters": one.parameters,
                "lost": 1 - one.parameters / whole.parameters,
                "macs": one.macs,
                "predicted_seconds": one.seconds,
                "measured_seconds": times.get(one.way),
                "bytes_per_iteration": one.bytes_per_iteration,
                "bound_seconds": None if one.bound is None else one.bound.seconds,
                "widths": {name: list(both) for name, both in one.widths.items()},
            }
            for one in variants
        ],
    }
