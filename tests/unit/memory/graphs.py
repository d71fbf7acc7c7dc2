"""Graphs of operations to try orders on."""

from __future__ import annotations

import random

from orchestrator.memory import Operations

SIZES = ((1,), (1, 2), (0, 1, 2, 3, 5, 8, 13), tuple(range(1, 100)))


def wired(random_: random.Random, count: int) -> Operations:
    """Operations that need any before them, with some probability."""
    sizes, share = random_.choice(SIZES), random_.choice((0.15, 0.25, 0.4))
    needs = [
        tuple(before for before in range(number) if random_.random() < share)
        for number in range(count)
    ]
    return Operations(tuple(random_.choice(sizes) for _ in needs), tuple(needs))


def branched(random_: random.Random, count: int) -> Operations:
    """Branches that go on, begin and join."""
    needs: list[tuple[int, ...]] = [()]
    ends = [0]
    while len(needs) < count:
        what, number = random_.random(), len(needs)
        if what < 0.35:
            place = random_.randrange(len(ends))
            needs.append((ends[place],))
            ends[place] = number
        elif what < 0.65 or len(ends) == 1:
            needs.append((random_.choice(ends),))
            ends.append(number)
        else:
            joined = random_.sample(ends, 2)
            needs.append(tuple(sorted(joined)))
            ends = [one for one in ends if one not in joined] + [number]
    sizes = random_.choice(SIZES)
    return Operations(tuple(random_.choice(sizes) for _ in needs), tuple(needs))


def any_graph(seed: int, most: int, least: int = 2) -> Operations:
    """One of either kind."""
    random_ = random.Random(seed)
    return random_.choice((wired, branched))(random_, random_.randint(least, most))


def chain(*sizes: int) -> Operations:
    return Operations(sizes, tuple((number - 1,) if number else () for number in range(len(sizes))))


def least_peak(operations: Operations) -> int:
    """The least peak, over all sets of operations that can have run: naively, for comparison."""
    everything = (1 << len(operations)) - 1
    sizes, needs, users = operations.sizes, operations.need_masks, operations.user_masks
    peaks = {0: 0}
    while everything not in peaks:
        following: dict[int, int] = {}
        for done, peak in peaks.items():
            live = sum(
                size
                for number, size in enumerate(sizes)
                if done >> number & 1 and (not users[number] or users[number] & ~done)
            )
            for number, size in enumerate(sizes):
                if done >> number & 1 or needs[number] & ~done:
                    continue
                after, most = done | 1 << number, max(peak, live + size)
                following[after] = min(most, following.get(after, most))
        peaks = following
    return peaks[everything]


def is_order(operations: Operations, order: tuple[int, ...]) -> bool:
    """Whether it has every operation once, after all that it needs."""
    place = {number: at for at, number in enumerate(order)}
    return sorted(order) == list(range(len(operations))) and all(
        place[before] < place[number]
        for number, needs in enumerate(operations.needs)
        for before in needs
    )
