"""Of the orders that hold little in a forward pass, the one that holds the least in training."""

from __future__ import annotations

import heapq

from orchestrator.memory.graph import Operations, numbers_of


def least_training(operations: Operations, limit: int, effort: int) -> tuple[int, ...] | None:
    """An order with the least `training_peak` of those whose peak is within a limit.

    The backward pass begins with every output and frees one after the other, so the search goes
    backwards too: what holds most comes first, and little is looked at in vain.

    Args:
        operations: what is ordered.
        limit: of a forward pass, in bytes.
        effort: how often an operation may be tried before it gives up.

    Returns:
        None: it gave up, or no order is within the limit.
    """
    sizes, users, needs = operations.sizes, operations.user_masks, operations.needs
    everything = (1 << len(operations)) - 1
    results = sum(size for size, used in zip(sizes, users, strict=True) if not used)
    came: dict[int, tuple[int, int]] = {}
    best = {everything: 0}
    heap = [(0, len(operations), everything, results, sum(sizes))]
    tried = 0
    while heap:
        peak, left, done, live, kept = heapq.heappop(heap)
        if peak > best[done]:
            continue
        if not done:
            return _way(came)
        for number in numbers_of(done):
            if users[number] & done:
                continue
            tried += 1
            before = done & ~(1 << number)
            size = sizes[number]
            # What the operation frees is held before it; its output is not.
            earlier = live - size * bool(users[number] & ~done or not users[number])
            earlier += sum(sizes[one] for one in needs[number] if not users[one] & ~done)
            held = earlier + size
            most = max(peak, kept + held)
            if held <= limit and most < best.get(before, most + 1):
                best[before] = most
                came[before] = (done, number)
                heapq.heappush(heap, (most, left - 1, before, earlier, kept - size))
        if tried >= effort:
            return None
    return None


def _way(came: dict[int, tuple[int, int]]) -> tuple[int, ...]:
    order, done = [], 0
    while done in came:
        done, number = came[done]
        order.append(number)
    return tuple(order)
