"""The group `dmlbed model`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import click

from orchestrator.cli.model.drawing import svg_of
from orchestrator.cli.model.importing import found_model
from orchestrator.cli.model.named import named_model
from orchestrator.cli.model.table import table_of, totals_of
from orchestrator.errors import InputError, Problem
from orchestrator.spec.files.model_file import model_text
from orchestrator.terminal.console import answers, messages, say
from workloads.models.profiles import ITEMS, Item


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def model() -> None:
    """Models as files: make one of a torch module, look at one."""


@model.command("import")
@click.argument("reference", metavar="MODULE:FACTORY")
@click.option(
    "--input",
    "shape",
    metavar="1,3,224,224",
    help="Shape of an example, a batch of one included; left out, the factory returns one.",
)
@click.option(
    "--dtype", metavar="NAME", help="Of its values: float32 or int64 (tokens); mostly known."
)
@click.option("--unit", type=click.Choice(ITEMS), help="What throughput counts.")
@click.option("--name", help="The model's; that of the factory if left out.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Not to stdout."
)
def import_model(
    reference: str,
    *,
    shape: str | None,
    dtype: str | None,
    unit: Item | None,
    name: str | None,
    out: Path | None,
) -> None:
    """Write a torch module as a model file, without data and without memory for it.

    MODULE:FACTORY is a function that returns a module (and an example of its input), beside you or
    installed: my_net:small, torchvision.models:resnet50, transformers:GPT2Config.
    """
    imported, notes = found_model(reference, _shape(shape), dtype)
    imported = replace(imported, name=name or reference.partition(":")[2])
    if unit is not None:
        items = imported.items_per_example if unit == "tokens" else 1
        imported = replace(imported, unit=unit, items_per_example=items)
    for note in notes:
        say(messages(), f"note: {note}")
    text = model_text(imported)
    if out is None:
        print(text, end="")
    else:
        out.write_text(text, "utf-8")
        say(messages(), f"{out} written: {totals_of(imported)}")


@model.command()
@click.argument("name", metavar="MODEL")
@click.option(
    "--svg",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.svg",
    help="Draw the graph of its layers.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(name: str, *, svg: Path | None, as_json: bool) -> None:
    """Print a model's layers: a model of the library, a model file, or module:factory."""
    shown = named_model(name)
    if svg is not None:
        svg.write_text(svg_of(shown), "utf-8")
        say(messages(), f"{svg} written")
    if as_json:
        print(json.dumps(shown.to_json()))
        return
    answers().print(table_of(shown))
    print(totals_of(shown))


def _shape(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        shape = tuple(int(side) for side in text.split(","))
    except ValueError:
        shape = ()
    if len(shape) < _LEAST_SIDES or shape[0] != 1 or min(shape) < 1:
        message = f"{text!r} is no shape of a batch of one"
        raise InputError([Problem("--input", message, "such as 1,3,224,224, or 1,128 for tokens")])
    return shape


_LEAST_SIDES = 2
