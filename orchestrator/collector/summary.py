"""Rows (model x schedule) of a run, and their JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from orchestrator.collector.attempts import Choice, choose
from orchestrator.collector.disturbance import Use
from orchestrator.collector.fairness import fairness_of
from orchestrator.collector.measure import Shares, TrialMeasure, measure
from orchestrator.collector.records import FailedTrial, Run
from orchestrator.collector.shares import bound_imgs_per_sec, share_of_gain
from orchestrator.collector.statistics import Estimate, estimate, percent_faster, speedup
from orchestrator.collector.verdict import BASELINE, Verdict, judge_row, judge_run

_WHICH = ("index", "model", "schedule", "repeat", "attempt")


@dataclass(frozen=True)
class Row:
    """One model under one schedule, over its repeats.

    Attributes:
        imgs_per_sec: mean and interval over the repeats, in the real system's time.
        speedup: percent against the baseline, from paired repeats; None for the baseline itself
            and for a run without it.
        published: imgs/sec of the published runs; empty if there are none.
        published_speedup: percent, of the means of the published runs.
        bound_imgs_per_sec: that no schedule of whole pulls and pushes is above; None if unknown.
        share_of_gain: percent of the way from the baseline's mean to the bound; None for the
            baseline itself, without it, and where the bound leaves nothing to gain.
        trials: the measures, by repeat; of a trial's attempts the one that counts.
        verdict: the worst of the trials'.
        left_out: attempts that others disturbed, which nothing here is made of.
    """

    model: str
    schedule: str
    imgs_per_sec: Estimate
    speedup: Estimate | None
    published: tuple[float, ...]
    published_speedup: float | None
    bound_imgs_per_sec: float | None
    share_of_gain: float | None
    trials: tuple[TrialMeasure, ...]
    verdict: Verdict
    left_out: tuple[TrialMeasure, ...] = ()

    @property
    def published_mean(self) -> float | None:
        """Mean of the published runs."""
        return fmean(self.published) if self.published else None

    @property
    def deviation(self) -> float | None:
        """By how many percent the measured mean is above the published one."""
        published = self.published_mean
        return percent_faster(published, self.imgs_per_sec.mean) if published else None

    @property
    def share_of_bound(self) -> float | None:
        """The measured mean in percent of the bound."""
        bound = self.bound_imgs_per_sec
        return 100 * self.imgs_per_sec.mean / bound if bound else None

    @property
    def pull_shares(self) -> tuple[float, float] | None:
        """Smallest and largest share of a worker in pulls, over the trials."""
        return _extremes(trial.pull_shares for trial in self.trials)

    @property
    def push_shares(self) -> tuple[float, float] | None:
        """Smallest and largest share of a worker in pushes, over the trials."""
        return _extremes(trial.push_shares for trial in self.trials)

    @property
    def idle_mean(self) -> float | None:
        """Mean idle share of the CPUs, over the trials."""
        known = [trial.idle_mean for trial in self.trials if trial.idle_mean is not None]
        return fmean(known) if known else None

    @property
    def idle_worst(self) -> float | None:
        """Idle share of the worst second of all trials."""
        known = [trial.idle_worst for trial in self.trials if trial.idle_worst is not None]
        return min(known, default=None)

    @property
    def drops(self) -> int:
        """Packets dropped in all trials."""
        return sum(trial.total_drops for trial in self.trials)

    @property
    def retransmissions(self) -> int:
        """TCP retransmissions in all trials."""
        return sum(trial.retransmissions for trial in self.trials)

    def left_out_lines(self) -> list[str]:
        """A line for every attempt that was left out, with the reason."""
        return [
            f"repeat {trial.repeat}, attempt {trial.attempt} is left out: "
            f"{'; '.join(trial.disturbances)}"
            for trial in self.left_out
        ]

    def as_json(self) -> dict[str, Any]:
        """The row for a program to read: percent where the name says `pct`, else shares of 1."""
        rate, faster = self.imgs_per_sec, self.speedup
        return {
            "model": self.model,
            "schedule": self.schedule,
            "imgs_per_sec": rate.mean,
            "repeats": rate.count,
            "speedup_pct": faster.mean if faster else None,
            "verdict": self.verdict.level,
            "reasons": list(self.verdict.reasons),
            "left_out": self.left_out_lines(),
            "imgs_per_sec_interval": _pair(rate.interval),
            "speedup_pct_interval": _pair(faster.interval if faster else None),
            "published_imgs_per_sec": self.published_mean,
            "published_speedup_pct": self.published_speedup,
            "deviation_pct": self.deviation,
            "bound_imgs_per_sec": self.bound_imgs_per_sec,
            "share_of_bound_pct": self.share_of_bound,
            "share_of_gain_pct": self.share_of_gain,
            "iteration_seconds_median": fmean(t.iteration_seconds_median for t in self.trials),
            "pull_shares": _pair(self.pull_shares),
            "push_shares": _pair(self.push_shares),
            "idle_mean": self.idle_mean,
            "idle_worst": self.idle_worst,
            "drops": self.drops,
            "retransmissions": self.retransmissions,
        }


@dataclass(frozen=True)
class Summary:
    """Trials of a run with their verdicts and bounds (same order), and the rows made of them."""

    trials: tuple[TrialMeasure, ...]
    verdicts: tuple[Verdict, ...]
    bounds: tuple[float | None, ...]
    rows: tuple[Row, ...]


def summarise(run: Run) -> Summary:
    """Measure and judge the trials of a run, and gather them in rows."""
    trials = tuple(measure(trial) for trial in run.trials)
    goodputs = run.goodput.goodputs() if run.goodput else None
    bounds = {
        which: bound_imgs_per_sec(run.experiment, which[0], which[1], goodputs, which[2])
        for which in {_bounded(trial) for trial in trials}
    }
    of_trials = tuple(bounds[_bounded(trial)] for trial in trials)
    fairness = {
        (model, batch): fairness_of(run.experiment, model, batch, goodputs)
        for model, batch, _ in bounds
    }
    verdicts = judge_run(trials, of_trials, run.forced, fairness)
    groups: dict[tuple[str, str], list[TrialMeasure]] = {}
    for trial in trials:
        groups.setdefault((trial.model, trial.schedule), []).append(trial)
    judged = {id(trial): verdict for trial, verdict in zip(trials, verdicts, strict=True)}
    chosen = {place: choose(attempts) for place, attempts in groups.items()}
    published = _published(run.experiment)
    rows = []
    for model in _in_order(run.experiment.get("models"), (trial.model for trial in trials)):
        for schedule in _in_order(
            run.experiment.get("schedules"), (trial.schedule for trial in trials)
        ):
            if (model, schedule) in groups:
                row = _row(model, schedule, chosen, published.get(model, {}), bounds)
                verdict = judge_row([(trial.repeat, judged[id(trial)]) for trial in row.trials])
                rows.append(replace(row, verdict=verdict))
    return Summary(trials, verdicts, of_trials, tuple(rows))


_Bounded = tuple[str, int, float]


def _bounded(trial: TrialMeasure) -> _Bounded:
    """What a bound depends on: model, batch, and how far the workers' paces may differ."""
    return trial.model, trial.batch, trial.lead


def _row(
    model: str,
    schedule: str,
    chosen: Mapping[tuple[str, str], Choice],
    published: Mapping[str, tuple[float, ...]],
    bounds: Mapping[_Bounded, float | None],
) -> Row:
    """A row that is not judged yet."""
    own = chosen[model, schedule]
    baseline = chosen.get((model, BASELINE), Choice())
    rates, base = own.imgs_per_sec(), baseline.imgs_per_sec()
    compared = schedule != BASELINE
    published_speedup = None
    if compared and published.get(BASELINE) and published.get(schedule):
        published_speedup = percent_faster(fmean(published[BASELINE]), fmean(published[schedule]))
    measured = estimate(list(rates.values()))
    # All trials of a run have one batch, and one that has not would have another bound.
    of_trials = {bounds[_bounded(trial)] for trial in own.counted}
    bound = of_trials.pop() if len(of_trials) == 1 else None
    gain = None
    if compared and base and bound:
        gain = share_of_gain(fmean(base.values()), measured.mean, bound)
    faster = speedup(base, rates) if compared else None
    if compared and base and faster is None and (own.left_out or baseline.left_out):
        # No pair is left of what had been paired.
        faster = Estimate(percent_faster(fmean(base.values()), measured.mean), None, 1)
    return Row(
        model=model,
        schedule=schedule,
        imgs_per_sec=measured,
        speedup=faster,
        published=published.get(schedule, ()),
        published_speedup=published_speedup,
        bound_imgs_per_sec=bound,
        share_of_gain=gain,
        trials=own.counted,
        verdict=Verdict("ok"),
        left_out=own.left_out,
    )


def rows_json(rows: Sequence[Row]) -> str:
    """summary.json."""
    return json.dumps([row.as_json() for row in rows], indent=2, allow_nan=False) + "\n"


def trials_csv(summary: Summary, failed: Sequence[FailedTrial]) -> str:
    """summary.csv: one line per attempt; failed ones have verdict `failed` and no measures.

    The columns and their order are the same for every run; lists are separated by semicolons.
    """
    lines = [
        _csv_line(*measured)
        for measured in zip(summary.trials, summary.verdicts, summary.bounds, strict=True)
    ]
    counted = {(t.index, t.attempt) for row in summary.rows for t in row.trials}
    for line in lines:
        line["counted"] = "yes" if (line["index"], line["attempt"]) in counted else "no"
    columns = list(lines[0])
    for failure in failed:
        known = failure.trial.model_dump() if failure.trial else {}
        line = {key: known.get(key, "") for key in _WHICH}
        lines.append({**line, "verdict": "failed", "reasons": str(failure)})
    lines.sort(key=lambda line: line["index"] if isinstance(line["index"], int) else 1 << 30)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _csv_line(trial: TrialMeasure, verdict: Verdict, bound: float | None) -> dict[str, Any]:
    pull, push = trial.pull_shares, trial.push_shares
    return {
        "index": trial.index,
        "model": trial.model,
        "schedule": trial.schedule,
        "repeat": trial.repeat,
        "attempt": trial.attempt,
        "counted": "",
        "disturbed": "; ".join(trial.disturbances),
        "verdict": verdict.level,
        "reasons": "; ".join(verdict.reasons),
        "imgs_per_sec": _number(trial.imgs_per_sec),
        "bound_imgs_per_sec": _number(bound),
        "share_of_bound_pct": _number(100 * trial.imgs_per_sec / bound if bound else None),
        "iteration_seconds_median": _number(trial.iteration_seconds_median),
        "iteration_seconds": _list(trial.iteration_seconds),
        "iteration_seconds_emulated": _list(trial.iteration_seconds_emulated),
        "pull_share_smallest": _number(pull.smallest if pull else None),
        "pull_share_largest": _number(pull.largest if pull else None),
        "pull_shares": _list(pull.by_worker if pull else ()),
        "push_share_smallest": _number(push.smallest if push else None),
        "push_share_largest": _number(push.largest if push else None),
        "push_shares": _list(push.by_worker if push else ()),
        "idle_mean": _number(trial.idle_mean),
        "idle_worst": _number(trial.idle_worst),
        **_use(trial.use),
        "switch_idle_mean": _number(trial.switch_idle_mean),
        "switch_idle_worst": _number(trial.switch_idle_worst),
        "retransmissions_records": trial.retransmissions_records,
        "retransmissions_namespaces": trial.retransmissions_namespaces,
        "segments": trial.segments,
        "drops": trial.total_drops,
        "drops_by_port": ";".join(f"{port.port}={port.drops}" for port in trial.drops),
        "drop_share_worst": _number(max((port.share for port in trial.drops), default=0.0)),
        "management_bytes": trial.management_bytes,
        "payload_in": trial.payload_in,
        "payload_out": trial.payload_out,
        "cpu_seconds_ps": _number(trial.cpu_seconds_ps),
        "cpu_seconds_workers": _number(trial.cpu_seconds_workers),
        "cpu_seconds_per_gigabyte": _number(trial.cpu_seconds_per_gigabyte),
        **_training_cpu(trial),
        "throttled_share_worst": _number(trial.throttled_share),
        "throttled_shares": ";".join(
            f"{host.host}={_number(host.throttled_share)}" for host in trial.hosts
        ),
        "memory_peak_bytes": ";".join(
            f"{host.host}={host.memory_peak_bytes}"
            for host in trial.hosts
            if host.memory_peak_bytes is not None
        ),
        "oom_kills": sum(host.oom_kills for host in trial.hosts),
        "staleness_mean": _number(trial.staleness_mean),
        "staleness": ";".join(f"{behind}={count}" for behind, count in trial.staleness.items()),
        "parameters_sha256": trial.parameters_sha256,
        "congestion_control": ";".join(sorted(trial.congestion_controls)),
        "workers": trial.workers,
        "batch": trial.batch,
        "iterations": trial.iterations,
        "warm_up": trial.warm_up,
        "cool_down": trial.cool_down,
        "seed": trial.seed,
        "scale_rates": _number(trial.scale_rates),
        "scale_time": _number(trial.scale_time),
        "switch": trial.switch,
    }


def _use(use: Use | None) -> dict[str, str]:
    return {
        "cores": _number(use.cores if use else None),
        "testbed_cores_mean": _number(use.testbed if use else None),
        "other_programs_cores_mean": _number(use.others if use else None),
        "hypervisor_cores_mean": _number(use.hypervisor if use else None),
    }


def _training_cpu(trial: TrialMeasure) -> dict[str, str]:
    used = trial.training_cpu
    return {
        "training_cpu_seconds_ps": _number(used.ps if used else None),
        "training_cpu_seconds_workers": _number(used.workers if used else None),
        "transport_cpu_seconds_per_gigabyte": _number(used.transport if used else None),
        "aggregation_cpu_seconds_per_gigabyte": _number(
            used.aggregation_per_gigabyte if used else None
        ),
        "gradients_cpu_seconds_per_gigabyte": _number(
            used.gradients_per_gigabyte if used else None
        ),
    }


def _published(experiment: Mapping[str, Any]) -> dict[str, dict[str, tuple[float, ...]]]:
    return {
        model: {schedule: tuple(runs) for schedule, runs in by_schedule.items()}
        for model, by_schedule in (experiment.get("published") or {}).items()
    }


def _in_order(asked: Any, found: Iterable[str]) -> list[str]:
    """Names in the order of the experiment, then those that only the trials know."""
    return list(dict.fromkeys([*(asked if isinstance(asked, list) else ()), *found]))


def _extremes(shares: Iterable[Shares | None]) -> tuple[float, float] | None:
    known = [share for share in shares if share is not None]
    if not known:
        return None
    return min(share.smallest for share in known), max(share.largest for share in known)


def _pair(pair: tuple[float, float] | None) -> list[float] | None:
    return None if pair is None else list(pair)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _list(values: Iterable[float]) -> str:
    return ";".join(map(_number, values))
