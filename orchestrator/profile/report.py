"""How right a device's trees are: against layers held out, a line in MACs, whole networks (pure).

The error of a layer is that of its forward and backward pass together, relative to what was
measured. The line in MACs has a constant and a time per multiply-accumulate for each kind and pass,
and is learnt from the same layers in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from orchestrator.profile.fit import fit_trees, line_in
from orchestrator.profile.measure import Step
from orchestrator.profile.table import Row
from workloads.models.devices import DeviceModel
from workloads.models.execution import PASSES, Trees, Work, seconds_of
from workloads.models.profiles import load_model

MACS_ALONE = ("seconds", "seconds_per_gmac")

_EQUAL = 1.02
"""Work of two layers counts as equal if it differs by less."""
_MORE = 1.5
"""One layer's counts as clearly more than another's."""


@dataclass(frozen=True)
class KindErrors:
    """Mean absolute errors of the layers held out, as shares of what was measured.

    Attributes:
        kind: of the layers; empty: all kinds.
        learnt: layers that the trees were learnt from.
        held_out: layers that they were not.
        tree: of the trees.
        macs: of the lines in MACs alone.
    """

    kind: str
    learnt: int
    held_out: int
    tree: float
    macs: float


@dataclass(frozen=True)
class NetworkError:
    """A network's step, measured and predicted.

    Attributes:
        network: its name.
        batch: images.
        measured_seconds: of a step.
        predicted_seconds: of its layers, one after the other.
    """

    network: str
    batch: int
    measured_seconds: float
    predicted_seconds: float

    @property
    def error(self) -> float:
        """By how much too long it is predicted, as a share of what was measured."""
        return self.predicted_seconds / self.measured_seconds - 1


@dataclass(frozen=True)
class Pair:
    """Two layers of a kind, of which the first takes longer than MACs would say."""

    slow: Row
    fast: Row


@dataclass(frozen=True)
class Report:
    """What was learnt, and how right it is.

    Attributes:
        trees: by kind and pass.
        errors: by kind, and then of all.
        networks: beside their measured steps.
        equal_macs: pairs of as good as equal MACs and different times.
        less_for_more: pairs of which the one with fewer MACs takes longer.
        about: how it was measured and learnt: seed, counts, and what is known of the machine.
    """

    trees: Trees
    errors: tuple[KindErrors, ...]
    networks: tuple[NetworkError, ...]
    equal_macs: tuple[Pair, ...]
    less_for_more: tuple[Pair, ...]
    about: Mapping[str, Any]

    @property
    def source(self) -> str:
        """Where the figures come from, in a sentence."""
        machine = self.about.get("machine", self.about.get("table", "a table"))
        return f"learnt from {self.about['layers']} layers timed on {machine}"


def report_on(
    learnt: Sequence[Row], held_out: Sequence[Row], steps: Iterable[Step], about: Mapping[str, Any]
) -> Report:
    """Learn trees, and compare them with what was measured."""
    trees = fit_trees(learnt)
    every = [*learnt, *held_out]
    errors = tuple(kind_errors(trees, learnt, held_out))
    shares = {"tree_error": errors[-1].tree, "macs_error": errors[-1].macs} if errors else {}
    return Report(
        trees,
        errors,
        tuple(network_errors(trees, steps)),
        tuple(equal_macs(every)),
        tuple(less_for_more(every)),
        {**about, **{name: round(share, 4) for name, share in shares.items()}},
    )


def seconds_by_trees(trees: Trees, work: Work) -> float:
    """Of both passes."""
    return sum(seconds_of(trees[work.kind][way], work) for way in PASSES)


def kind_errors(trees: Trees, learnt: Sequence[Row], held_out: Sequence[Row]) -> list[KindErrors]:
    """The errors by kind, and then those of all kinds, as far as layers are held out."""
    lines = {
        kind: {
            way: line_in(MACS_ALONE, [row for row in learnt if row.work.kind == kind], way)
            for way in PASSES
        }
        for kind in trees
    }
    errors = [
        _errors(kind, trees, lines, _of(kind, learnt), rows)
        for kind in trees
        if (rows := _of(kind, held_out))
    ]
    known = [row for row in held_out if row.work.kind in trees]
    return [*errors, _errors("", trees, lines, learnt, known)] if known else []


def _of(kind: str, rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.work.kind == kind]


def _errors(
    kind: str, trees: Trees, lines: Trees, learnt: Sequence[Row], rows: Sequence[Row]
) -> KindErrors:
    def mean(by: Trees) -> float:
        return fmean(abs(seconds_by_trees(by, row.work) / row.step_seconds - 1) for row in rows)

    return KindErrors(kind, len(learnt), len(rows), mean(trees), mean(lines))


def network_errors(trees: Trees, steps: Iterable[Step]) -> list[NetworkError]:
    """Of networks whose kinds of layers are all known."""
    device = DeviceModel("learnt", kinds=trees)
    errors = []
    for step in steps:
        layers = load_model(step.network).layers
        if device.missing(layers):
            continue
        predicted = sum(
            device.forward_seconds(layer, step.batch) + device.backward_seconds(layer, step.batch)
            for layer in layers
        )
        errors.append(NetworkError(step.network, step.batch, step.step_seconds, predicted))
    return errors


def equal_macs(rows: Sequence[Row], count: int = 3) -> list[Pair]:
    """Pairs of a kind whose MACs are as good as equal and whose times differ most."""
    return _pairs(rows, count, lambda slow, fast: 1 / _EQUAL < slow / fast < _EQUAL)


def less_for_more(rows: Sequence[Row], count: int = 3) -> list[Pair]:
    """Pairs of a kind of which the one with clearly fewer MACs takes longest beside the other."""
    return _pairs(rows, count, lambda slow, fast: _MORE * slow < fast)


def _pairs(rows: Sequence[Row], count: int, fit: Callable[[float, float], bool]) -> list[Pair]:
    """Those with the greatest ratio of times whose MACs fit; no layer is in two of them."""
    found: list[tuple[float, int, int]] = []
    timed = [(row.work.kind, row.work.macs, row.step_seconds) for row in rows]
    for first, (kind, macs, seconds) in enumerate(timed):
        for second, (other_kind, other_macs, other_seconds) in enumerate(timed):
            alike = kind == other_kind and macs and other_macs
            if alike and seconds > other_seconds and fit(macs, other_macs):
                found.append((seconds / other_seconds, first, second))
    pairs: list[Pair] = []
    seen: set[int] = set()
    for _, *both in sorted(found, reverse=True):
        if not seen.intersection(both):
            seen.update(both)
            pairs.append(Pair(*(rows[number] for number in both)))
        if len(pairs) == count:
            break
    return pairs
