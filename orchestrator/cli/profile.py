"""`dmlbed profile`."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, Progress, TextColumn

from orchestrator.cli.profile_report import as_json_text, print_report
from orchestrator.errors import InputError, Interrupted, Problem
from orchestrator.profile.files import check_target, device_text, layers_table, networks_table
from orchestrator.profile.measure import Step, measure_layers, measure_networks, read_networks
from orchestrator.profile.report import report_on
from orchestrator.profile.table import Row, read_table, split
from orchestrator.profile.timer import Timer
from orchestrator.terminal.console import answers, messages, say
from workloads.errors import unknown_name
from workloads.models.profiles import model_names

_MINUTES = 10.0
_QUICK_MINUTES = 0.7
_NETWORKS = ("alexnet", "googlenet", "inception3", "resnet50", "mobilenet", "squeezenet")
_QUICK_NETWORKS = ("squeezenet",)
_SHARE_HELD_OUT = 0.25


@click.command()
@click.argument("device", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "given",
    type=click.Path(path_type=Path),
    metavar="TABLE.csv",
    help="Learn from these times, and measure nothing.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0.1, 600),
    metavar="M",
    help=f"Time layers for so long in all; {_MINUTES:g} if left out.",
)
@click.option("--quick", is_flag=True, help="About a minute: rough, to see how it works.")
@click.option(
    "--threads",
    type=click.IntRange(1),
    metavar="N",
    help="Of PyTorch; as many as there are CPUs if left out.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    metavar="N",
    help="Of the random layers, and of those held out of a table.",
)
@click.option("--networks", metavar="A,B", help="Whole networks to compare with; `none`: none.")
@click.option(
    "--batch",
    type=click.IntRange(1, 1024),
    default=4,
    metavar="N",
    help="Images of whole networks.",
)
@click.option("--name", metavar="NAME", help="Of the device; that of the file if left out.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def profile(device: Path, given: Path | None, *, as_json: bool, **options: Any) -> None:
    """Learn how long layers take on this machine, and write DEVICE.yaml for topologies.

    Random layers of all kinds are timed with PyTorch, forward and backward, and kept in DEVICE.csv.
    Interrupt it when you like: the same command continues. A report compares what was learnt with
    layers that were held out, with a line in multiply-accumulates alone, and with whole networks.

    Let nothing else run meanwhile. With --from it learns from times of another device, a GPU say.
    """
    check_target(device, table_given=given is not None)
    quick = bool(options["quick"])
    networks = _networks(options["networks"], quick=quick)
    if given is not None:
        rows = read_table(given)
        steps = [one for one in read_networks(networks_table(given)) if one.network in networks]
        about: dict[str, Any] = {"table": given.name}
    else:
        minutes = options["minutes"] or (_QUICK_MINUTES if quick else _MINUTES)
        rows, steps, about = _measured(device, networks, minutes, options)
    learnt, held_out = split(rows, options["seed"], _SHARE_HELD_OUT)
    about |= {"seed": options["seed"], "layers": len(learnt), "held_out": len(held_out)}
    report = report_on(learnt, held_out, steps, about)
    name = options["name"] or device.stem
    device.write_text(device_text(name, report.source, report.trees, report.about), "utf-8")
    if as_json:
        print(as_json_text(report))
        return
    console = answers()
    print_report(console, report)
    say(console, str(device))


def _networks(asked: str | None, *, quick: bool) -> tuple[str, ...]:
    if asked is None:
        return _QUICK_NETWORKS if quick else _NETWORKS
    names = tuple(name.strip() for name in asked.split(",") if name.strip() != "none")
    for name in names:
        if name not in model_names():
            problem = Problem("--networks", unknown_name("model", name, model_names()))
            raise InputError([problem])
    return names


def _measured(
    device: Path, networks: tuple[str, ...], minutes: float, options: dict[str, Any]
) -> tuple[list[Row], list[Step], dict[str, Any]]:
    cpus = len(os.sched_getaffinity(0))
    threads = options["threads"] or cpus
    if threads > cpus:
        problem = Problem("--threads", f"there are {cpus} CPUs, found {threads}")
        raise InputError([problem])
    table = layers_table(device)
    try:
        with Timer(threads) as ask, _progress(60 * minutes) as note:
            rows = measure_layers(
                table, ask, seconds=60 * minutes, seed=options["seed"], threads=threads, note=note
            )
            steps = measure_networks(
                networks_table(table),
                ask, networks, options["batch"],
                lambda network: note(60 * minutes, f"the network {network}"),
            )  # fmt: skip
            torch = ask.about["torch"]
    except KeyboardInterrupt:
        message = f"interrupted; what was timed is in {table}, and the same command continues"
        raise Interrupted(message) from None
    about = {
        "on": datetime.now(UTC).date().isoformat(),
        "machine": _machine(),
        "threads": threads,
        "torch": torch,
        "minutes": round(sum(row.spent_seconds for row in rows) / 60, 1),
    }
    return rows, steps, about


def _machine() -> str:
    """What the kernel calls the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


@contextmanager
def _progress(seconds: float) -> Iterator[Any]:
    """A bar at a terminal; elsewhere a line now and then."""
    console = messages()
    if not console.is_terminal:
        yield _Lines(seconds)
        return
    columns = (
        TextColumn("{task.percentage:3.0f} %"),
        BarColumn(20),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=seconds)
        yield lambda spent, what: bar.update(task, completed=spent, description=what)


class _Lines:
    """Says every tenth of the time how far it is."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._said = -1

    def __call__(self, spent: float, what: str) -> None:
        tenth = int(10 * spent / self._seconds)
        if tenth > self._said or spent >= self._seconds:
            self._said = tenth
            say(messages(), f"{min(100, round(100 * spent / self._seconds))} % timed; next: {what}")
