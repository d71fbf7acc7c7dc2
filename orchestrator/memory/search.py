"""Exact search for the order that holds the least: over all sets of blocks that can have run.

What is held after a set of blocks has run does not depend on their order. So the search goes from
set to set, always on from the one that was reached with the least peak, and ends with an optimum;
cut short, the least peak of what is left to look at is a lower bound of every order's.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.memory.blocks import Blocks


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        order: of the blocks, whose peak is `bound`; None: it was cut short, or there is none
            below the limit.
        bound: no order's peak is less, in bytes.
        states: how many sets were looked at.
    """

    order: tuple[int, ...] | None
    bound: int
    states: int


class State(NamedTuple):
    """A set of blocks that have run.

    Attributes:
        done: their operations, as a set of bits.
        live: bytes that are held.
        peak: the most that was held on the way.
        ready: blocks that can run, ascending.
    """

    done: int
    live: int
    peak: int
    ready: tuple[int, ...]


def beginning(blocks: Blocks) -> State:
    """Nothing has run."""
    return State(0, 0, 0, blocks.beginnings)


def then(blocks: Blocks, state: State, block: int) -> State:
    """A block runs next."""
    done, live, most = blocks.run(block, state.done, state.live)
    ready = [one for one in state.ready if one != block]
    ready += blocks.ready_after(block, done)
    return State(done, live, max(state.peak, most), tuple(sorted(ready)))


def free_of_charge(blocks: Blocks, state: State) -> tuple[State, tuple[int, ...]]:
    """Run all that costs nothing: blocks that raise no peak, and after which no more is held.

    Whatever comes later is no worse for it: it holds no more than if they ran in their turn.

    Returns:
        What is then, and what has run.
    """
    ran: list[int] = []
    while True:
        for block in state.ready:
            _, live, most = blocks.run(block, state.done, state.live)
            if most <= state.peak and live <= state.live:
                state = then(blocks, state, block)
                ran.append(block)
                break
        else:
            return state, tuple(ran)


def search(
    blocks: Blocks,
    effort: int,
    *,
    below: int | None = None,
    late: Callable[[], bool] = lambda: False,
) -> Found:
    """Find the order whose peak is least.

    Args:
        blocks: what is ordered.
        effort: how often a block may be tried before it is cut short.
        below: a peak that an order is known for: only smaller ones are looked for.
        late: whether it is to be cut short now.
    """
    everything = (1 << len(blocks.operations)) - 1
    first, ran = free_of_charge(blocks, beginning(blocks))
    came: dict[int, tuple[int, tuple[int, ...]]] = {first.done: (-1, ran)}
    best = {first.done: first.peak}
    heap = [(first.peak, 0, 0, first)]
    pushed = states = tried = 0
    while heap:
        peak, _, _, state = heapq.heappop(heap)
        if peak > best[state.done]:
            continue
        if state.done == everything:
            return Found(_way(came, everything), peak, states)
        if tried >= effort or late():
            return Found(None, peak, states)
        states += 1
        for block in state.ready:
            tried += len(state.ready)
            after, ran = free_of_charge(blocks, then(blocks, state, block))
            if (below is None or after.peak < below) and (
                after.done not in best or after.peak < best[after.done]
            ):
                best[after.done] = after.peak
                came[after.done] = (state.done, (block, *ran))
                pushed += 1
                heapq.heappush(heap, (after.peak, -after.done.bit_count(), pushed, after))
    return Found(None, 0 if below is None else below, states)


def _way(came: dict[int, tuple[int, tuple[int, ...]]], done: int) -> tuple[int, ...]:
    parts = []
    while done >= 0:
        done, ran = came[done]
        parts.append(ran)
    return tuple(block for ran in reversed(parts) for block in ran)
