"""`dmlbed bench`."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.cli.options import overrides, overrides_from
from orchestrator.session.launch.bench import bench as run_bench
from orchestrator.session.launch.request import RunRequest
from orchestrator.spec import load_experiment


@click.command()
@click.argument("experiment", type=click.Path(path_type=Path))
@overrides
@click.option(
    "--seconds",
    type=click.IntRange(1, 600),
    default=5,
    show_default=True,
    metavar="N",
    help="How long flows are measured.",
)
@click.option(
    "--samples",
    type=click.IntRange(1, 2000),
    default=100,
    show_default=True,
    metavar="N",
    help="Urgent tensors that are measured.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results"),
    show_default=True,
    help="Directory that the bench's directory is made in.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def bench(
    experiment: Path,
    seconds: int,
    samples: int,
    out: Path,
    as_json: bool,
    **options: str | int | None,
) -> None:
    """Measure the transport itself, beside iperf3, on one testbed.

    On the topology of EXPERIMENT: the goodput of parameter server and one worker, both directions
    at once, as a share of iperf3's; how long an urgent tensor waits behind a full queue until its
    first byte leaves the host; and the CPU seconds per gigabyte of EXPERIMENT's trainings. An aim
    that is missed is said and is no failure. Needs root and iperf3.
    """
    loaded = load_experiment(experiment, overrides_from(options))
    # A scale that this machine does not carry is measured all the same: that shows in the figures.
    run_bench(RunRequest(loaded, out, as_json, force=True), seconds, samples)
