"""A row of a run: its trials of the same choices, over their repeats."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from orchestrator.analysis.measures.measure import TrialMeasure
from orchestrator.analysis.measures.shared_links import LinkGoodput
from orchestrator.analysis.measures.shares import Shares
from orchestrator.analysis.measures.statistics import Estimate, percent_faster
from orchestrator.analysis.verdict import Verdict
from orchestrator.spec.experiment.choices import BASELINE, Choices, Chosen
from orchestrator.spec.experiment.programs import IMGS_PER_SEC


@dataclass(frozen=True)
class Row(Chosen):
    """Trials of the same choices, over their repeats.

    Attributes:
        choices: what they are of.
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
        baseline: name of the schedule that it is compared with.
        slowdown: percent that it is slower beside the experiment's jobs than without them, from
            paired repeats; None: one of the two was not measured.
    """

    choices: Choices
    imgs_per_sec: Estimate
    speedup: Estimate | None
    published: tuple[float, ...]
    published_speedup: float | None
    bound_imgs_per_sec: float | None
    share_of_gain: float | None
    trials: tuple[TrialMeasure, ...]
    verdict: Verdict
    left_out: tuple[TrialMeasure, ...] = ()
    baseline: str = BASELINE
    slowdown: Estimate | None = None

    @property
    def unit(self) -> str:
        """Of `imgs_per_sec`, which a program may have another of."""
        return self.trials[0].unit

    @property
    def imgs(self) -> bool:
        """Whether it counts images."""
        return self.unit == IMGS_PER_SEC

    def pair_payload(self) -> dict[tuple[str, str], float]:
        """Of a program, payload in bytes from one host to another, mean over the trials."""
        pairs = dict.fromkeys(pair for trial in self.trials for pair in trial.pairs)
        return {pair: fmean(t.pairs.get(pair, 0) for t in self.trials) for pair in pairs}

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

    @property
    def final_loss(self) -> float | None:
        """Loss of the last iteration, mean over the trials; None: gradients were made up."""
        return _mean(trial.learnt.final_loss for trial in self.trials if trial.learnt)

    @property
    def accuracy(self) -> float | None:
        """Held-out accuracy at the last look, mean over the trials; None: there was no look."""
        return _mean(trial.learnt.accuracy for trial in self.trials if trial.learnt)

    @property
    def seconds_to_target(self) -> float | None:
        """Seconds to the target accuracy, mean over the trials; None: not all have reached it."""
        return _mean(
            trial.learnt.seconds_to_target if trial.learnt else None for trial in self.trials
        )

    @property
    def links(self) -> tuple[LinkGoodput, ...]:
        """What the links that jobs share carried in the measured time, mean over the trials."""
        by_port: dict[str, list[LinkGoodput]] = {}
        for link in (link for trial in self.trials for link in trial.links):
            by_port.setdefault(link.port, []).append(link)
        return tuple(
            LinkGoodput(port, fmean(one.bps for one in links), fmean(one.share for one in links))
            for port, links in by_port.items()
        )

    def left_out_lines(self) -> list[str]:
        """A line for every attempt that was left out, with the reason."""
        return [
            f"repeat {trial.repeat}, attempt {trial.attempt} is left out: "
            f"{'; '.join(trial.disturbances)}"
            for trial in self.left_out
        ]


def _mean(values: Iterable[float | None]) -> float | None:
    """None if there is none, or one is not known."""
    all_values = list(values)
    known = [value for value in all_values if value is not None]
    return fmean(known) if known and len(known) == len(all_values) else None


def _extremes(shares: Iterable[Shares | None]) -> tuple[float, float] | None:
    known = [share for share in shares if share is not None]
    if not known:
        return None
    return min(share.smallest for share in known), max(share.largest for share in known)
