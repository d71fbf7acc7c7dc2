"""Every measure, declared once: its name, what it measures, and its column in the table.

summary.csv, summary.json, `--json` and the terminal's table read this list, each in an order of its
own; `orchestrator.analysis.verdict` judges by the same figures.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean

from orchestrator.analysis.measures.measure import TrialMeasure
from orchestrator.analysis.measures.statistics import Estimate
from orchestrator.analysis.tables.columns.declared import (
    Measure,
    TableColumn,
    of,
    of_training,
    plain,
)
from orchestrator.analysis.tables.columns.learning import LEARNING
from orchestrator.analysis.tables.columns.programs import PROGRAM
from orchestrator.predict import bound_of
from orchestrator.spec import EVERY_CHOICE, IMGS_PER_SEC, number_text


def _pair(pair: tuple[float, float] | None) -> list[float] | None:
    return None if pair is None else list(pair)


def _named(values: Iterable[tuple[object, str]]) -> str:
    return ";".join(f"{name}={value}" for name, value in values)


def _rate(value: Estimate) -> str:
    mean, half = number_text(value.mean, 3), value.half_width
    if half is None:
        return mean
    return f"{mean} ±{half:.{len(mean.partition('.')[2])}f}"


def rate_cell(value: Estimate | None) -> str:
    """Imgs/sec with half of their interval; empty for None."""
    return "" if value is None else _rate(value)


def signed_cell(value: Estimate | None) -> str:
    """Percent with a sign, and half of their interval; empty for None."""
    return _speedup(value)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.1f}"


def _speedup(value: Estimate | None) -> str:
    if value is None:
        return ""
    half = value.half_width
    return _signed(value.mean) if half is None else f"{value.mean:+.1f} ±{half:.1f}"


def _range(shares: tuple[float, float] | None) -> str:
    return "" if shares is None else f"{100 * shares[0]:.0f}-{100 * shares[1]:.0f}"


def _slashed(mean: float | None, low: float | None) -> str:
    return "" if mean is None or low is None else f"{100 * mean:.0f}/{100 * low:.0f}"


def _count(value: int) -> str:
    for limit, unit in ((10_000_000, "M"), (10_000, "k")):
        if value >= limit:
            return f"{value / (limit / 10):.0f}{unit}"
    return str(value)


def number(value: float | None) -> str:
    """Six digits; empty for None."""
    return "" if value is None else f"{value:.6g}"


def _bound_of(trial: TrialMeasure) -> str:
    """Of what its bound is, in words; a program's is of its own."""
    return bound_of(trial.communication) if trial.communication else "program"


MEASURES: tuple[Measure, ...] = (
    Measure("repeat", trial=of(lambda t: t.repeat)),
    Measure("attempt", trial=of(lambda t: t.attempt)),
    Measure("counted", trial=lambda j: "yes" if j.counted else "no"),
    Measure("disturbed", trial=of(lambda t: "; ".join(t.disturbances))),
    Measure("verdict", trial=lambda j: j.verdict.level, row=lambda r: r.verdict.level),
    Measure(
        "reasons",
        trial=lambda j: "; ".join(j.verdict.reasons),
        row=lambda r: list(r.verdict.reasons),
    ),
    Measure("left_out", row=lambda r: r.left_out_lines()),
    Measure(
        "imgs_per_sec",
        "imgs/s",
        of(lambda t: t.imgs_per_sec if t.unit == IMGS_PER_SEC else None),
        lambda r: r.imgs_per_sec.mean if r.imgs else None,
        TableColumn(
            "imgs/sec",
            lambda r: _rate(r.imgs_per_sec),
            "images of all workers per second of the real system: the mean over the repeats; ± is "
            "half of the 95 % interval (Student's t). If all rows are of programs with another "
            "unit, that is the title; where units differ, it is `throughput`, with units in the "
            "cells",
            together=False,
            unit=lambda r: r.unit,
        ),
    ),
    Measure("repeats", row=lambda r: r.imgs_per_sec.count),
    Measure(
        "speedup_pct",
        "%",
        row=lambda r: r.speedup.mean if r.speedup else None,
        column=TableColumn(
            "speed-up %",
            lambda r: _speedup(r.speedup),
            "by how much it is above the baseline, over pairs of the same repeat; ± as above",
        ),
    ),
    Measure(
        "slowdown_pct",
        "%",
        row=lambda r: r.slowdown.mean if r.slowdown else None,
        column=TableColumn(
            "slow-\ndown %",
            lambda r: _speedup(r.slowdown),
            "by how much it is slower beside the experiment's jobs than without them, over pairs of"
            " the same repeat; ± as above",
        ),
    ),
    Measure(
        "imgs_per_sec_interval",
        "imgs/s",
        row=lambda r: _pair(r.imgs_per_sec.interval) if r.imgs else None,
    ),
    *PROGRAM,
    Measure(
        "speedup_pct_interval", "%", row=lambda r: _pair(r.speedup.interval if r.speedup else None)
    ),
    Measure(
        "published_imgs_per_sec",
        "imgs/s",
        row=lambda r: r.published_mean,
        column=TableColumn(
            "pub-\nlished",
            lambda r: plain(r.published_mean),
            "behind `imgs/sec`: mean of the published runs (`published:` in the experiment)",
        ),
    ),
    Measure(
        "published_speedup_pct",
        "%",
        row=lambda r: r.published_speedup,
        column=TableColumn(
            "pub-\nlished",
            lambda r: _signed(r.published_speedup),
            "behind `speed-up %`: that of the published means",
        ),
    ),
    Measure(
        "deviation_pct",
        "%",
        row=lambda r: r.deviation,
        column=TableColumn(
            "devia-\ntion %",
            lambda r: _signed(r.deviation),
            "by how much the measured imgs/sec are above the published ones",
        ),
    ),
    Measure(
        "bound_imgs_per_sec",
        "imgs/s",
        lambda j: j.bound,
        lambda r: r.bound_imgs_per_sec,
        TableColumn(
            "bound",
            lambda r: plain(r.bound_imgs_per_sec),
            "the [bound](#the-bound) in imgs/sec; `bound_of` in summary.csv and JSON says of what",
            together=False,
        ),
    ),
    Measure(
        "bound_of",
        trial=lambda j: _bound_of(j.measure) if j.bound else None,
        row=lambda r: _bound_of(r.trials[0]) if r.bound_imgs_per_sec else None,
    ),
    Measure(
        "share_of_bound_pct",
        "%",
        lambda j: 100 * j.measure.imgs_per_sec / j.bound if j.bound else None,
        lambda r: r.share_of_bound,
        TableColumn(
            "% of\nbound", lambda r: _percent(r.share_of_bound), "imgs/sec in percent of the bound"
        ),
    ),
    Measure(
        "share_of_gain_pct",
        "%",
        row=lambda r: r.share_of_gain,
        column=TableColumn(
            "% of\ngain",
            lambda r: _percent(r.share_of_gain),
            "how much of the way from the baseline to the bound it has come; below 0 it is slower "
            "than the baseline",
        ),
    ),
    *LEARNING,
    Measure(
        "iteration_seconds_median",
        "s",
        of_training(lambda t: t.iteration_seconds_median),
        lambda r: (
            None if r.choices.program else fmean(t.iteration_seconds_median for t in r.trials)
        ),
    ),
    Measure("iteration_seconds", "s", of(lambda t: list(t.iteration_seconds))),
    Measure("iteration_seconds_emulated", "s", of(lambda t: list(t.iteration_seconds_emulated))),
    Measure(
        "pull_share_smallest",
        "1",
        of(lambda t: t.pull_shares.smallest if t.pull_shares else None),
    ),
    Measure(
        "pull_share_largest",
        "1",
        of(lambda t: t.pull_shares.largest if t.pull_shares else None),
    ),
    Measure(
        "pull_shares",
        "1",
        of(lambda t: list(t.pull_shares.by_worker) if t.pull_shares else None),
        lambda r: _pair(r.pull_shares),
        TableColumn(
            "pull\nshares",
            lambda r: _range(r.pull_shares),
            "smallest and largest share that a worker has of the bytes that all pull, in percent, "
            "while all of them pull (mean over iterations, extremes of the repeats). Equal shares "
            "of three workers are `33-33`; a schedule that lets one worker go first has `0-100`",
            together=False,
        ),
    ),
    Measure(
        "push_share_smallest",
        "1",
        of(lambda t: t.push_shares.smallest if t.push_shares else None),
    ),
    Measure(
        "push_share_largest",
        "1",
        of(lambda t: t.push_shares.largest if t.push_shares else None),
    ),
    Measure(
        "push_shares",
        "1",
        of(lambda t: list(t.push_shares.by_worker) if t.push_shares else None),
        lambda r: _pair(r.push_shares),
        TableColumn("push\nshares", lambda r: _range(r.push_shares), "the same of pushes"),
    ),
    Measure(
        "idle_mean",
        "1",
        of(lambda t: t.idle_mean),
        lambda r: r.idle_mean,
        TableColumn(
            "idle %\nworst",
            lambda r: _slashed(r.idle_mean, r.idle_worst),
            "idle time of this machine's CPUs in the measured iterations, in percent: the mean, "
            "and that of the worst second",
        ),
    ),
    Measure("idle_worst", "1", of(lambda t: t.idle_worst), lambda r: r.idle_worst),
    Measure("cores", "cores", of(lambda t: t.use.cores if t.use else None)),
    Measure("testbed_cores_mean", "cores", of(lambda t: t.use.testbed if t.use else None)),
    Measure("other_programs_cores_mean", "cores", of(lambda t: t.use.others if t.use else None)),
    Measure("hypervisor_cores_mean", "cores", of(lambda t: t.use.hypervisor if t.use else None)),
    Measure("switch_idle_mean", "1", of(lambda t: t.switch_idle_mean)),
    Measure("switch_idle_worst", "1", of(lambda t: t.switch_idle_worst)),
    Measure("retransmissions_records", trial=of_training(lambda t: t.retransmissions_records)),
    Measure("retransmissions_namespaces", trial=of(lambda t: t.retransmissions_namespaces)),
    Measure("segments", trial=of(lambda t: t.segments)),
    Measure(
        "drops",
        trial=of(lambda t: t.total_drops),
        row=lambda r: r.drops,
        column=TableColumn(
            "drops",
            lambda r: _count(r.drops),
            "packets that ports dropped in all trials of the row (`k`: thousands, `M`: millions)",
        ),
    ),
    Measure("drops_by_port", trial=of(lambda t: _named((p.port, str(p.drops)) for p in t.drops))),
    Measure("drop_share_worst", "1", of(lambda t: max((p.share for p in t.drops), default=0.0))),
    Measure(
        "retransmissions",
        row=lambda r: r.retransmissions,
        column=TableColumn(
            "retr.",
            lambda r: _count(r.retransmissions),
            "segments that TCP sent again in all trials of the row",
        ),
    ),
    Measure("management_bytes", "B", of(lambda t: t.management_bytes)),
    Measure("payload_in", "B", of(lambda t: t.payload_in)),
    Measure("payload_out", "B", of(lambda t: t.payload_out)),
    Measure("cpu_seconds_ps", "s", of(lambda t: t.cpu_seconds_ps)),
    Measure("cpu_seconds_workers", "s", of_training(lambda t: t.cpu_seconds_workers)),
    Measure("cpu_seconds_per_gigabyte", "s/GB", of(lambda t: t.cpu_seconds_per_gigabyte)),
    Measure(
        "training_cpu_seconds_ps",
        "s",
        of(lambda t: t.training_cpu.ps if t.training_cpu else None),
    ),
    Measure(
        "training_cpu_seconds_workers",
        "s",
        of(lambda t: t.training_cpu.workers if t.training_cpu else None),
    ),
    Measure(
        "transport_cpu_seconds_per_gigabyte",
        "s/GB",
        of(lambda t: t.training_cpu.transport if t.training_cpu else None),
    ),
    Measure(
        "aggregation_cpu_seconds_per_gigabyte",
        "s/GB",
        of(lambda t: t.training_cpu.aggregation_per_gigabyte if t.training_cpu else None),
    ),
    Measure(
        "gradients_cpu_seconds_per_gigabyte",
        "s/GB",
        of(lambda t: t.training_cpu.gradients_per_gigabyte if t.training_cpu else None),
    ),
    Measure("coding_seconds", "s", of(lambda t: t.coding_seconds)),
    Measure(
        "coding_excess_seconds",
        "s",
        of(lambda t: None if t.coding_seconds is None else t.coding_excess_seconds),
    ),
    Measure("steps_excess_seconds", "s", of(lambda t: t.steps_excess_seconds)),
    Measure("throttled_share_worst", "1", of(lambda t: t.throttled_share)),
    Measure(
        "throttled_shares",
        "1",
        of(lambda t: _named((host.host, number(host.throttled_share)) for host in t.hosts)),
    ),
    Measure(
        "memory_peak_bytes",
        "B",
        of(
            lambda t: _named(
                (host.host, str(host.memory_peak_bytes))
                for host in t.hosts
                if host.memory_peak_bytes is not None
            )
        ),
    ),
    Measure("oom_kills", trial=of(lambda t: sum(host.oom_kills for host in t.hosts))),
    Measure("staleness_mean", trial=of(lambda t: t.staleness_mean)),
    Measure(
        "staleness",
        trial=of(lambda t: _named((behind, str(n)) for behind, n in t.staleness.items())),
    ),
    Measure("parameters_sha256", trial=of(lambda t: t.parameters_sha256)),
    Measure("congestion_control", trial=of(lambda t: ";".join(sorted(t.congestion_controls)))),
    Measure("workers", trial=of(lambda t: t.workers)),
    Measure("batch", trial=of_training(lambda t: t.batch)),
    Measure("iterations", trial=of_training(lambda t: t.iterations)),
    Measure("warm_up", trial=of_training(lambda t: t.warm_up)),
    Measure("cool_down", trial=of_training(lambda t: t.cool_down)),
    Measure("seed", trial=of_training(lambda t: t.seed)),
    Measure("scale_rates", trial=of(lambda t: t.scale_rates)),
    Measure("scale_time", trial=of(lambda t: t.scale_time)),
    Measure("switch", trial=of(lambda t: t.switch)),
)
"""In the order of the columns of summary.csv, behind what says which trial it was."""

BY_NAME = {measure.name: measure for measure in MEASURES}


def measures() -> tuple[Measure, ...]:
    """All measures, in the order of the columns of summary.csv; every choice is one."""
    index = Measure("index", trial=of(lambda t: t.index))
    return (index, *map(_choice, EVERY_CHOICE), *MEASURES)


def _choice(name: str) -> Measure:
    return Measure(
        name, trial=lambda j: j.measure.choices.get(name), row=lambda r: r.choices.get(name)
    )
