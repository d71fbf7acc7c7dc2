"""From measured times of layers to trees of non-negative linear models.

A tree grows where it helps most, as far as it helps layers that it has not seen: each split is the
one, of all features and of thresholds between layers, after which two lines fit best in place of
one. All lines are fitted to relative errors, for a layer of a microsecond counts as much as one of
a second. So a split is where a device becomes slower or faster than in proportion.

Splits are found by least squares. The lines of leaves are then fitted again with weights, so that
they go nearer to the middle of their layers. Squares of relative errors draw them down, for a time
that is halved counts less than one that is doubled; then the sum of a network's layers is too
small. And layers that something disturbed count little.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from orchestrator.profile.table import Row
from workloads.models.execution import FEATURES, PASSES, TERMS, Tree, Trees

LEAVES = 9
ROWS_PER_LEAF = 10
_THRESHOLDS = 10
"""That are tried for each feature."""
_LEAST_GAIN = 0.01
"""Of all that a tree's one line would leave; a split that helps less is left out."""
_FOLDS = 3
"""Parts of the layers, each of which is left out once to see how many leaves are best."""
_DIGITS = 4
_ROUNDS = 20
_NEAR = 0.05
"""Logarithms of ratios that are nearer to 0 weigh no more."""
_LEAST_RATIO = 1e-3

Floats: TypeAlias = NDArray[np.float64]


def fit_trees(rows: Iterable[Row], *, leaves: int = LEAVES) -> Trees:
    """Trees by kind of layer and pass.

    Args:
        rows: measured layers.
        leaves: of a tree, at most.
    """
    by_kind: dict[str, list[Row]] = {}
    for row in rows:
        by_kind.setdefault(row.work.kind, []).append(row)
    return {
        kind: {way: fit_tree(of_kind, way, leaves=leaves) for way in PASSES}
        for kind, of_kind in by_kind.items()
    }


def fit_tree(rows: Sequence[Row], way: str, *, leaves: int = LEAVES) -> Tree:
    """The tree of one kind's layers for one pass."""
    features = np.array([tuple(row.work.features.values()) for row in rows])
    relative = _relative(rows, way, range(len(TERMS)))
    *_, tree = _growing(relative, features, _best_size(relative, features, leaves))
    return tree.tree()


def _growing(relative: Floats, features: Floats, leaves: int) -> Iterator[_Node]:
    """A tree with one leaf, and then the same each time that it has one more."""
    grown = _Node(relative, features)
    first_loss = grown.loss
    yield grown
    for _ in range(leaves - 1):
        best = max(grown.leaves(), key=lambda leaf: leaf.gain)
        if best.gain <= _LEAST_GAIN * first_loss:
            return
        best.divide()
        yield grown


def _best_size(relative: Floats, features: Floats, leaves: int) -> int:
    """How many leaves are best for layers that a tree was not learnt from."""
    if len(relative) < 2 * ROWS_PER_LEAF:
        return 1
    errors = np.zeros(leaves)
    for fold in range(_FOLDS):
        apart = np.arange(len(relative)) % _FOLDS == fold
        sizes = [
            float(np.abs(tree.predicted(relative[apart], features[apart]) - 1).sum())
            for tree in _growing(relative[~apart], features[~apart], leaves)
        ]
        errors += [*sizes, *[sizes[-1]] * (leaves - len(sizes))]
    return int(np.argmin(errors)) + 1


def line_in(terms: Iterable[str], rows: Sequence[Row], way: str) -> Tree:
    """A line in some of the terms only, fitted like the lines of leaves."""
    wanted = [TERMS.index(term) for term in terms]
    found = np.zeros(len(TERMS))
    found[wanted] = _middle(_relative(rows, way, wanted))
    return _leaf(found)


def _relative(rows: Sequence[Row], way: str, terms: Iterable[int]) -> Floats:
    """Per row, each quantity over the time: a line's sum of these is to be 1."""
    quantities = np.array([row.work.quantities for row in rows])[:, [*terms]]
    seconds = np.array([row.seconds[way] for row in rows])
    return np.asarray(quantities / seconds[:, None])


@dataclass(frozen=True)
class _Line:
    """A line, and the sum of squares of its relative errors."""

    terms: Floats
    loss: float

    @classmethod
    def through(cls, relative: Floats) -> _Line:
        """The best one without negative coefficients."""
        return cls.by_products(relative.T @ relative, relative.sum(axis=0), len(relative))

    @classmethod
    def by_products(cls, products: Floats, sums: Floats, count: float) -> _Line:
        """The same, by the sums of products of its columns, and of its columns.

        |A x - 1|^2 = x' A'A x - 2 x' A'1 + n depends on nothing else.
        """
        terms = np.zeros(len(sums))
        # What no layer has any of (MACs of pooling) says nothing.
        some = np.flatnonzero(np.diag(products) > 0)
        # Columns of like size: nnls stops early at differences that are small beside its largest.
        scale = np.sqrt(np.diag(products)[some])
        matrix = products[np.ix_(some, some)] / np.outer(scale, scale)
        values, vectors = np.linalg.eigh(matrix)
        root = np.sqrt(np.maximum(values, 1e-12))
        found, _ = nnls((vectors * root).T, (vectors / root).T @ (sums[some] / scale))
        terms[some] = found / scale
        loss = float(terms @ products @ terms - 2 * terms @ sums + count)
        return cls(terms, max(loss, 0.0))


def _middle(relative: Floats) -> Floats:
    """The terms of a line near the middle, by least squares with weights, again and again."""
    terms = _Line.through(relative).terms
    for _ in range(_ROUNDS):
        ratios = np.maximum(relative @ terms, _LEAST_RATIO)
        # A ratio of 2 then pulls twice as much as one of a half: squares would pull four times so.
        weights = 1 / (ratios * np.maximum(np.abs(np.log(ratios)), _NEAR))
        products = (relative.T * weights) @ relative
        terms = _Line.by_products(products, relative.T @ weights, float(weights.sum())).terms
    return terms


class _Node:
    """A leaf, or what was one before it was divided."""

    def __init__(self, relative: Floats, features: Floats) -> None:
        self._relative = relative
        self._features = features
        self._terms = _middle(relative)
        self.loss = _Line.through(relative).loss
        self._below: tuple[_Node, _Node] | None = None
        self._feature, self._at_most, self.gain = self._best_split()

    def _best_split(self) -> tuple[int, float, float]:
        """Feature, threshold, and by how much two lines are better than one."""
        best = (0, 0.0, 0.0)
        count = len(self._relative)
        if count < 2 * ROWS_PER_LEAF:
            return best
        outer = self._relative[:, :, None] * self._relative[:, None, :]
        for number in range(len(FEATURES)):
            order = np.argsort(self._features[:, number], kind="stable")
            values = self._features[order, number]
            products = np.cumsum(outer[order], axis=0)
            sums = np.cumsum(self._relative[order], axis=0)
            for place in _places(values):
                parts = (
                    (products[place], sums[place], place + 1),
                    (products[-1] - products[place], sums[-1] - sums[place], count - place - 1),
                )
                loss = sum(_Line.by_products(*part).loss for part in parts)
                if self.loss - loss > best[2]:
                    best = (number, _between(values[place], values[place + 1]), self.loss - loss)
        return best

    def divide(self) -> None:
        """Make two leaves of this one."""
        then = self._features[:, self._feature] <= self._at_most
        self._below = (
            _Node(self._relative[then], self._features[then]),
            _Node(self._relative[~then], self._features[~then]),
        )

    def predicted(self, relative: Floats, features: Floats) -> Floats:
        """Times of other layers as shares of what was measured."""
        if self._below is None:
            return np.asarray(relative @ self._terms)
        then = features[:, self._feature] <= self._at_most
        found = np.empty(len(relative))
        for part, rows in zip(self._below, (then, ~then), strict=True):
            found[rows] = part.predicted(relative[rows], features[rows])
        return found

    def leaves(self) -> Iterator[_Node]:
        """All below it, or itself."""
        if self._below is None:
            yield self
            return
        for part in self._below:
            yield from part.leaves()

    def tree(self) -> dict[str, Any]:
        """As a device file has it."""
        if self._below is None:
            return _leaf(self._terms)
        then, other = self._below
        return {
            "if": FEATURES[self._feature],
            "at_most": self._at_most,
            "then": then.tree(),
            "else": other.tree(),
        }


def _places(values: Floats) -> list[int]:
    """Last rows of first parts: evenly many rows apart, and between two that differ."""
    last = len(values) - ROWS_PER_LEAF - 1
    tried = np.unique(np.linspace(ROWS_PER_LEAF - 1, last, _THRESHOLDS).astype(int))
    # Rows of the same value stay together.
    ends = np.unique(np.searchsorted(values, values[tried], side="right") - 1)
    return [int(end) for end in ends if end <= last and values[end] < values[end + 1]]


def _between(low: float, high: float) -> float:
    """The middle of two values, of those that span decades that of their logarithms."""
    middle = float(np.sqrt(low * high)) if low > 0 else (low + high) / 2
    rounded = _rounded(middle)
    return rounded if low <= rounded < high else float(low)


def _leaf(line: Floats) -> dict[str, Any]:
    pairs = zip(TERMS, map(float, line), strict=True)
    return {term: _rounded(value) for term, value in pairs if value > 0}


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
