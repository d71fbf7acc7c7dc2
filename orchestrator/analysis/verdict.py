"""May a figure be used? Pure rules over the measures of trials.

`ok`: nothing speaks against it. `doubtful`: look at the reasons before quoting it. `unusable`: it
is not a measurement of what it says it is.

Every trial of a model under a bulk-synchronous schedule must end with the same parameters, bit for
bit; where workers add gradients up among themselves, every trial of the same schedule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from orchestrator.analysis.measures.fairness import Fairness, unfair
from orchestrator.analysis.measures.machine.conditions import HostUse
from orchestrator.analysis.measures.machine.disturbance import (
    LOW_IDLE_MEAN,
    LOW_IDLE_WORST,
    NO_IDLE_MEAN,
)
from orchestrator.analysis.measures.measure import TrialMeasure
from orchestrator.analysis.measures.programs.measure import left_behind, not_crossed
from orchestrator.analysis.measures.programs.pairs import ruled_otherwise, sent_otherwise
from orchestrator.analysis.reading.records import ForcedScale
from orchestrator.records.goodput import MOST_SHARE
from orchestrator.spec import number_text
from orchestrator.spec.experiment.choices import Choices
from workloads.schedule.averaging import Averaged

Level = Literal["ok", "doubtful", "unusable"]
LEVELS: tuple[Level, ...] = ("ok", "doubtful", "unusable")

MANAGEMENT_BYTES = 256 * 1024
"""Per process: its start and its end take some 80 KB; above, it may be training."""
CODE_BYTES = 256 * 1024
"""Per process, where it is not recorded how much code and files it got."""
RECORDS_FACTOR = 1.25
"""Code and records cross it once, around the training; SSH, TCP and its ACKs add some 10 %."""
MANAGEMENT_SHARE = 0.01
"""Of the training payload: in a long trial the progress lines add up, and 1 % moves no figure."""
RETRANSMISSION_SHARE = 0.005
"""Windows of 256 KiB under queues of 512 KiB lose next to nothing: more has a cause."""
SLOW_ITERATION = 1.5
"""Times the median: iterations do the same work, so one that stands out was disturbed."""
DROP_SHARE = 0.001
"""Of a port's packets: at that rate the congestion control shapes the figure, not the link."""
ABOVE_BOUND = MOST_SHARE
"""Times the bound, which is as exact as the goodput that it is drawn at can be measured. No
schedule stays above that, stale and asynchronous ones neither, for every iteration of every worker
moves the whole model both ways: some of it was moved outside of the window of time."""

THROTTLED_SHARE = 0.01
"""Of the measured time. The emulated compute waits and needs no CPU: what a quota holds up is the
handling of messages, which the model of the host knows nothing of."""
THROTTLED_A_LITTLE = 0.001
"""A few milliseconds in ten seconds: a burst met the end of a period."""
CODING_SHARE = 0.02
"""Of the measured time: a device's coding is waited for, and what this machine takes beyond that is
in the figure, though the device would not have taken it. So are steps of workers' own."""


@dataclass(frozen=True)
class Verdict:
    """One short line for each thing that speaks against a figure, by how much it says.

    Attributes:
        unusable: what makes it no measurement.
        doubtful: what a careful reader would want to know.
    """

    unusable: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()

    @property
    def level(self) -> Level:
        """That of the worst reason; `ok` without any."""
        return "unusable" if self.unusable else "doubtful" if self.doubtful else "ok"

    @property
    def reasons(self) -> tuple[str, ...]:
        """All of them, worst first."""
        return self.unusable + self.doubtful

    @property
    def judged(self) -> tuple[tuple[Level, str], ...]:
        """Every reason with its level, worst first."""
        return (
            *(("unusable", reason) for reason in self.unusable),
            *(("doubtful", reason) for reason in self.doubtful),
        )


def worst(levels: Iterable[Level]) -> Level:
    """The worst of the levels; `ok` of none."""
    return max(levels, key=LEVELS.index, default="ok")


def judge_trial(
    trial: TrialMeasure, bound: float | None = None, fairness: Fairness | None = None
) -> Verdict:
    """Judge a trial by its own records.

    Args:
        trial: its measures.
        bound: the imgs/sec that it cannot have more of; None: not known.
        fairness: what is fair to its workers; None: the topology is not known.
    """
    return Verdict(tuple(_unusable(trial)), tuple(_doubtful(trial, bound, fairness)))


def judge_run(
    trials: Sequence[TrialMeasure],
    bounds: Sequence[float | None],
    forced: ForcedScale | None = None,
    fairness: Mapping[tuple[str, str, int], Fairness | None] = MappingProxyType({}),
    small: Sequence[str] = (),
) -> tuple[Verdict, ...]:
    """Judge trials by their own records and against each other; verdicts in the same order.

    Args:
        trials: of one run.
        bounds: imgs/sec of each that no schedule is above; None where it is not known.
        forced: what speaks against all of them: a scale that the machine does not carry.
        fairness: what is fair to the workers, by job, model and batch.
        small: of each why its scale is too small for its order; empty: it is not.
    """
    split = _different_parameters(trials)
    verdicts = []
    for trial, bound, why in zip(trials, bounds, small or [""] * len(trials), strict=True):
        training = _same_training(trial)
        common = [split[training]] if _must_agree(trial) and training in split else []
        doubtful: list[str] = []
        if forced is not None:
            (common if forced.level == "unusable" else doubtful).append(forced.reason)
        doubtful.extend([f"its order has little effect: {why}"] if why else [])
        doubtful.extend(
            _doubtful(trial, bound, fairness.get((trial.choices.job, trial.model, trial.batch)))
        )
        verdicts.append(Verdict((*common, *_unusable(trial)), tuple(doubtful)))
    return tuple(verdicts)


def judge_row(trials: Sequence[tuple[int, Verdict]]) -> Verdict:
    """The worst verdict of a row's trials, given as (repeat, verdict); reasons name the repeat."""
    return Verdict(
        _with_repeats([(repeat, verdict.unusable) for repeat, verdict in trials]),
        _with_repeats([(repeat, verdict.doubtful) for repeat, verdict in trials]),
    )


def _with_repeats(trials: Sequence[tuple[int, tuple[str, ...]]]) -> tuple[str, ...]:
    """Reasons of trials, each once; of those that not all have, which repeats have it."""
    repeats_of: dict[str, list[int]] = defaultdict(list)
    for repeat, reasons in trials:
        for reason in reasons:
            repeats_of[reason].append(repeat)
    return tuple(
        reason if len(repeats) == len(trials) else f"repeat {_join(repeats)}: {reason}"
        for reason, repeats in repeats_of.items()
    )


def _unusable(trial: TrialMeasure) -> Iterable[str]:
    deployment = MANAGEMENT_BYTES * trial.processes + RECORDS_FACTOR * trial.records_bytes
    if trial.shipped_bytes is None:
        deployment += CODE_BYTES * trial.processes
    else:
        deployment += RECORDS_FACTOR * trial.shipped_bytes
    if trial.management_bytes > max(deployment, MANAGEMENT_SHARE * trial.payload):
        yield f"{trial.management_bytes / 1e6:.1f} MB crossed the management network"
    yield from not_crossed(trial)
    if not trial.agreed:
        yield "the workers ended with different parameters"
    if not trial.barrier and not trial.warm_up:
        yield "without warm-up and step barrier the measured time misses a push"
    if trial.idle_mean is not None and trial.idle_mean < NO_IDLE_MEAN:
        yield f"no idle CPU: {_percent(trial.idle_mean)} on average"
    for host in trial.hosts:
        if (host.throttled_share or 0.0) > THROTTLED_SHARE:
            yield _throttled(host)
        if host.oom_kills:
            yield f"{host.host}: a process was killed for memory"
    for difference in trial.kept_differs:
        yield f"the kernel kept otherwise: {difference}"
    strange = sorted(trial.congestion_controls - {trial.congestion_control})
    if strange:
        yield f"congestion control was {_join(strange)}, not {trial.congestion_control}"


def _doubtful(trial: TrialMeasure, bound: float | None, fairness: Fairness | None) -> Iterable[str]:
    yield from _above(trial, bound)
    yield from _resumed(trial)
    if trial.idle_mean is None or trial.idle_worst is None:
        yield "idle CPU was not recorded; measure more iterations"
    elif trial.idle_mean >= NO_IDLE_MEAN:
        if trial.idle_mean < LOW_IDLE_MEAN:
            yield f"little idle CPU: {_percent(trial.idle_mean)} on average"
        if trial.idle_worst < LOW_IDLE_WORST:
            yield f"worst second: {_percent(trial.idle_worst)} idle CPU"
    yield from _without_company(trial)
    yield from trial.disturbances
    for host in trial.hosts:
        if THROTTLED_A_LITTLE < (host.throttled_share or 0.0) <= THROTTLED_SHARE:
            yield _throttled(host)
    if trial.sends_model and not trial.congestion_controls:
        yield "congestion control was not read back"
    if trial.barrier and not trial.ordered:
        yield from unfair(trial, fairness)
    if trial.retransmission_share > RETRANSMISSION_SHARE:
        yield f"{_percent(trial.retransmission_share, 2)} of the segments sent again"
    yield from left_behind(trial)
    yield from sent_otherwise(trial)
    yield from ruled_otherwise(trial)
    yield from _coded_slowly(trial)
    yield from _one_slow(trial)
    for port in trial.drops:
        if port.share > DROP_SHARE:
            yield f"{_percent(port.share, 2)} of the packets dropped at {port.port}"


def _coded_slowly(trial: TrialMeasure) -> Iterable[str]:
    if trial.coding_excess_seconds and trial.coding_excess_share > CODING_SHARE:
        yield (
            "coding took this machine longer than the device model says: "
            f"{number_text(trial.coding_excess_seconds, 2)} s an iteration"
        )
    if trial.steps_excess_seconds and trial.steps_excess_share > CODING_SHARE:
        yield (
            "workers' own steps were late, for which a device takes no time: "
            f"{number_text(trial.steps_excess_seconds, 2)} s an iteration"
        )


def _one_slow(trial: TrialMeasure) -> Iterable[str]:
    """Of iterations, or of rounds if not every iteration exchanges: only these are alike."""
    slowest = max(trial.round_seconds, default=0.0)
    if slowest > SLOW_ITERATION * trial.iteration_seconds_median:
        number = trial.warm_up + trial.every * trial.round_seconds.index(slowest)
        which = f"iteration {number}"
        if trial.every > 1:
            which = f"the {trial.every} iterations from {number} on"
        yield f"{which} took {slowest / trial.iteration_seconds_median:.1f} x the median"


def _resumed(trial: TrialMeasure) -> Iterable[str]:
    if trial.resumed_after:
        yield f"resumed after {trial.resumed_after} iterations: figures are of those after that"


def _without_company(trial: TrialMeasure) -> Iterable[str]:
    for job in trial.beside:
        if job.error:
            yield f"the job {job.job.name} beside it failed: {job.error}"


def _above(trial: TrialMeasure, bound: float | None) -> Iterable[str]:
    # A program may send less than what its bound is of, and is then rightly above it.
    if bound is not None and not trial.program and trial.imgs_per_sec > ABOVE_BOUND * bound:
        yield f"faster than its bound: {_percent(trial.imgs_per_sec / bound)}"


def _throttled(host: HostUse) -> str:
    share, cores = _percent(host.throttled_share or 0.0, 1), host.cores
    cap = "" if cores is None else f", its cap is {cores:g} core{'' if cores <= 1 else 's'}"
    return f"{host.host} was throttled for {share} of the time{cap}"


_Training = tuple[Choices, str, Averaged, int, int, int, int, float, float]


def _same_training(trial: TrialMeasure) -> _Training:
    """Trials that are equal in this must end with the same parameters."""
    iterations = trial.warm_up + trial.iterations + trial.cool_down
    scale = (trial.scale_rates, trial.scale_time)  # decides the number of elements
    same = (trial.choices.common, trial.sums, trial.averaged, trial.seed, iterations)
    return (*same, trial.batch, trial.workers, *scale)


def _must_agree(trial: TrialMeasure) -> bool:
    """Whether nothing of how it communicates may change the final parameters."""
    return trial.bulk_synchronous and trial.exact


def _different_parameters(trials: Sequence[TrialMeasure]) -> dict[_Training, str]:
    digests_of: dict[_Training, set[str]] = defaultdict(set)
    for trial in trials:
        if _must_agree(trial) and trial.parameters_sha256 is not None:
            digests_of[_same_training(trial)].add(trial.parameters_sha256)
    # Which of them is wrong cannot be told, so all are.
    return {
        training: f"final parameters differ between trials of {training[0]}"
        for training, digests in digests_of.items()
        if len(digests) > 1
    }


def _percent(share: float, digits: int = 0) -> str:
    return f"{100 * share:.{digits}f} %"


def _join(items: Iterable[object]) -> str:
    return ", ".join(map(str, items))
