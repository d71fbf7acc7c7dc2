"""TIC and TAC: the orders in which TicTac has a worker's parameters arrive.

Source: S. H. Hashemi, S. Abdu Jyothi, R. H. Campbell, "TicTac: Accelerating Distributed Deep
Learning with Communication Scheduling", MLSys 2019, and the authors' code, github.com/xldrx/tictac.

An op is pending on the outstanding receives among its own and those of all ops before it. A receive
has three properties, which depend on what is outstanding:

    M   its own transfer time
    P   compute time of the ops that are pending on it alone: what it unlocks
    M+  the smallest total transfer time of the receives that an op is pending on, over the ops that
        are pending on it and on others; infinite if there is none

Deviations, of both orders:
- A receive is a tensor, an op is the forward pass of a layer: a worker computes a layer when all of
  its tensors are there. TensorFlow has an op for the convolution, one for the bias and one for the
  batch normalisation, so that there the weights of parallel branches come before their biases; and
  ops for concatenations and additions, which need no separate tensor, so that M+ can be smaller
  than that of the layer after them.
- No op of the backward pass: these are pending on every outstanding receive and change no order.
- Equal receives come in the tensors' forward order. TIC as published gives equal M+ equal priority,
  and leaves TAC's ties to the order of a traversal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workloads.models.profiles import Graph, Model

_TICKS_PER_SECOND = 1e12
_MOST_SECONDS = 9e6  # sums of ticks fit 63 bits
_NEVER = np.iinfo(np.int64).max

_Pending = NDArray[np.bool_]  # [op, receive]
_Ticks = NDArray[np.int64]


def tic_order(model: Model, graph: Graph) -> tuple[int, ...]:
    """Return the numbers of a model's tensors in TIC's order: by ascending M+.

    TIC knows no times: every receive takes 1, every op 0. M+ is computed once. Complexity: O(layers
    x tensors).

    Args:
        model: the model.
        graph: per layer of the model, in forward order, the layers that it needs.

    Raises:
        ValueError: the graph is not one of the model's layers in forward order.
    """
    pending = _receives(model, graph)
    ops, receives = pending.shape
    transfer = np.ones(receives, np.int64)
    _, waits = _properties(pending, transfer, np.zeros(ops, np.int64))
    return tuple(np.argsort(waits, kind="stable").tolist())


def tac_order(
    model: Model,
    graph: Graph,
    transfer_seconds: Sequence[float],
    compute_seconds: Sequence[float],
) -> tuple[int, ...]:
    """Return the numbers of a model's tensors in TAC's order.

    A comes before B if min(P_B, M_A) < min(P_A, M_B), or if these are equal and A has the smaller
    M+. The first receive is taken, the properties are computed again for those still outstanding,
    and so on. Complexity: O(layers x tensors^2), at numpy's speed.

    Deviations beside those of the module: the relation is not transitive where the minima are
    equal, so "the first" depends on how one looks for it. The published code sorts; this one goes
    through the receives in forward order and changes to each that comes before the one it has.
    Times are rounded to picoseconds, so that sums are exact and equal times are equal on every
    machine. Published are traced times, these may come from any model.

    Args:
        model: the model.
        graph: per layer of the model, in forward order, the layers that it needs.
        transfer_seconds: how long each tensor takes to arrive, in seconds.
        compute_seconds: how long each layer's forward pass takes, in seconds of the same kind (both
            the real system's, or both the emulation's).

    Raises:
        ValueError: the graph is not one of the model's layers in forward order; there is not one
            time per tensor and per layer; a time is negative or not finite, or their sum is not
            below 9e6 seconds.
    """
    pending = _receives(model, graph)
    ops, receives = pending.shape
    transfer = _to_ticks("transfer", transfer_seconds, receives)
    compute = _to_ticks("compute", compute_seconds, ops)
    outstanding = np.arange(receives)
    order: list[int] = []
    while len(outstanding):
        first = _first(transfer[outstanding], *_properties(pending, transfer[outstanding], compute))
        order.append(int(outstanding[first]))
        outstanding = np.delete(outstanding, first)
        pending = np.delete(pending, first, axis=1)
        unfinished = pending.any(axis=1)
        pending, compute = pending[unfinished], compute[unfinished]
    return tuple(order)


def _receives(model: Model, graph: Graph) -> _Pending:
    """Which receives each op waits for, its own and those of all ops before it."""
    if len(graph) != len(model.layers):
        raise ValueError(
            f"{model.name}: a graph of {len(graph)} layers for {len(model.layers)} layers"
        )
    pending = np.zeros((len(model.layers), len(model.tensors)), np.bool_)
    tensor = 0
    for number, (layer, needed) in enumerate(zip(model.layers, graph, strict=True)):
        for before in needed:
            if not 0 <= before < number:
                raise ValueError(
                    f"{model.name}: layer {number} needs layer {before}, which is not before it"
                )
            pending[number] |= pending[before]
        pending[number, tensor : tensor + len(layer.tensors)] = True
        tensor += len(layer.tensors)
    return pending


def _to_ticks(what: str, seconds: Sequence[float], count: int) -> _Ticks:
    if len(seconds) != count:
        raise ValueError(f"{len(seconds)} {what} times, {count} needed")
    if not all(math.isfinite(time) and time >= 0 for time in seconds):
        raise ValueError(f"a {what} time is negative or not finite")
    if math.fsum(seconds) >= _MOST_SECONDS:
        raise ValueError(f"the {what} times' sum is not below {_MOST_SECONDS:.0e} seconds")
    return np.array([round(time * _TICKS_PER_SECOND) for time in seconds], np.int64)


def _properties(pending: _Pending, transfer: _Ticks, compute: _Ticks) -> tuple[_Ticks, _Ticks]:
    """Return P and M+ of each outstanding receive; `pending` has their columns only."""
    counts = pending.sum(axis=1)
    alone = counts == 1
    unlocked = compute[alone] @ pending[alone]
    shared = pending[counts > 1]
    totals = shared @ transfer
    waits = np.where(shared, totals[:, np.newaxis], _NEVER).min(axis=0, initial=_NEVER)
    return unlocked, waits


def _first(transfer: _Ticks, unlocked: _Ticks, waits: _Ticks) -> int:
    properties = list(zip(transfer.tolist(), unlocked.tolist(), waits.tolist(), strict=True))
    first = 0
    for number, (own, unlocks, wait) in enumerate(properties):
        first_own, first_unlocks, first_wait = properties[first]
        here, there = min(first_unlocks, own), min(unlocks, first_own)
        if here < there or (here == there and wait < first_wait):
            first = number
    return first
