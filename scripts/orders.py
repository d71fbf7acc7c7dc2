"""Orders of operations against known figures: `.venv/bin/python -m scripts.orders [wired ...]`.

wired      50 randomly wired graphs, inception and NAS-like ones: peaks, seconds, variables
programme  100 graphs of 20 operations: the integer programme against the exact search
large      one randomly wired graph of 1,000 nodes: an answer within 60 s, and its gap
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterable

from orchestrator.memory import (
    Operations,
    as_numbered,
    breadth_first,
    depth_first,
    least_memory,
    operations_of,
)
from orchestrator.memory.blocks import Blocks
from orchestrator.memory.fusion import fuse
from orchestrator.memory.programme import Programme, solve
from orchestrator.memory.search import search
from workloads.models.profiles import load_model

_EFFORT = 10**8
_KNOWN = {"numbered": as_numbered, "breadth first": breadth_first, "depth first": depth_first}
LARGE_SECONDS = 58.0
"""Of the 60: what is begun then is ended."""


def randomly_wired(seed: int, nodes: int = 20) -> Operations:
    """networkx' `connected_watts_strogatz_graph` of equal outputs, with a source and a sink.

    Edges go from lower to higher numbers; the source is before all that need nothing, and the sink
    after all that nothing needs.

    Args:
        seed: of the graph.
        nodes: of it, without source and sink.
    """
    import networkx

    graph = networkx.connected_watts_strogatz_graph(nodes, 4, 0.75, seed=seed)
    needs: list[list[int]] = [[] for _ in range(nodes + 2)]
    for edge in graph.edges:
        before, after = sorted(edge)
        needs[after + 1].append(before + 1)
    used = {before for own in needs for before in own}
    for number in range(1, nodes + 1):
        needs[number] = needs[number] or [0]
        if number not in used:
            needs[-1].append(number)
    return Operations((1,) * len(needs), tuple(tuple(sorted(own)) for own in needs))


# Liu et al., "DARTS", 2019, figure 4: per node of a normal cell, which states its two operations
# take (0 and 1: the two cells before).
_DARTS = ((0, 1), (0, 1), (1, 0), (0, 2))


def nas_like(cells: int) -> Operations:
    """Cells as architecture search found them: every operation writes 1, and what is joined 4."""
    sizes = [4]
    needs: list[tuple[int, ...]] = [()]

    def add(size: int, *inputs: int) -> int:
        sizes.append(size)
        needs.append(tuple(sorted(set(inputs))))
        return len(sizes) - 1

    before = last = 0
    for _ in range(cells):
        states = [add(1, before), add(1, last)]
        for first, second in _DARTS:
            states.append(add(1, add(1, states[first]), add(1, states[second])))
        before, last = last, add(4, *states[2:])
    return Operations(tuple(sizes), tuple(needs))


def wired() -> None:
    """Peaks, seconds and variables."""
    print("50 randomly wired graphs of 20 nodes, a source and a sink, equal outputs")
    below = dict.fromkeys(_KNOWN, 0.0)
    seconds, exact, shares, blocks = [], 0, [], []
    for seed in range(50):
        operations = randomly_wired(seed)
        began = time.perf_counter()
        least = least_memory(operations)
        seconds.append(time.perf_counter() - began)
        raw = search(Blocks.single(operations), _EFFORT)
        exact += least.peak == raw.bound == operations.peak(least.order)
        blocks.append(least.blocks)
        programme = Programme(Blocks.single(operations))
        shares.append(programme.variables / programme.all_variables)
        for name, order in _KNOWN.items():
            below[name] += 1 - least.peak / operations.peak(order(operations))
    print(f"  equal to the exact optimum: {exact} of 50")
    for name, sum_of in below.items():
        print(f"  below {name}: {100 * sum_of / 50:.1f} % on average")
    print(f"  operations 22, blocks after fusion {_mean(blocks):.1f} on average")
    print(f"  seconds: {_mean(seconds):.3f} on average, {max(seconds):.3f} at most")
    print(f"  variables after pruning: {_mean(shares):.1%} on average, {max(shares):.1%} at most")
    for name, operations in _others():
        _one(name, operations)


def _others() -> Iterable[tuple[str, Operations]]:
    inception = operations_of(load_model("inception3"))
    yield "inception3", inception
    equal = Operations((1,) * len(inception), inception.needs)
    yield "inception3, equal outputs", equal
    for cells in (1, 4, 8):
        yield f"NAS-like, {cells} cells", nas_like(cells)


def _one(name: str, operations: Operations, seconds: float | None = 60.0) -> None:
    began = time.perf_counter()
    least = least_memory(operations, seconds=seconds)
    took = time.perf_counter() - began
    peaks = ", ".join(
        f"{known} {operations.peak(order(operations))}" for known, order in _KNOWN.items()
    )
    programme = Programme(Blocks.single(operations)) if len(operations) < 200 else None
    variables = (
        f", variables {programme.all_variables} -> {programme.variables}" if programme else ""
    )
    print(
        f"{name}: {len(operations)} operations, {least.blocks} blocks; {peaks}; least "
        f"{least.peak} by {least.way}, bound {least.bound}, gap {least.gap:.1%}, "
        f"{took:.2f} s{variables}",
        flush=True,
    )


def programme() -> None:
    """The integer programme against the exact search."""
    print("100 graphs of 20 operations: integer programme and exact search")
    equal, open_, seconds = 0, 0, []
    for seed in range(100):
        operations = _any(random.Random(seed), 20)
        blocks = fuse(operations)
        optimum = search(Blocks.single(operations), _EFFORT).bound
        most = operations.peak(depth_first(operations))
        began = time.perf_counter()
        solved = solve(Programme(blocks), seconds=60, least=0, most=most)
        seconds.append(time.perf_counter() - began)
        order = None if solved.order is None else blocks.operations_of(solved.order)
        peak = None if order is None else operations.peak(order)
        if peak == optimum == solved.bound:
            equal += 1
        else:
            open_ += 1
            print(f"  seed {seed}: optimum {optimum}, programme {peak}, its bound {solved.bound}")
    print(f"  equal: {equal} of 100, not closed or not equal: {open_}")
    print(f"  seconds: {_mean(seconds):.2f} on average, {max(seconds):.2f} at most", flush=True)


def _any(random_: random.Random, count: int) -> Operations:
    """Operations that need any before them, of equal or different sizes."""
    sizes = random_.choice(((1,), (1, 2, 3), tuple(range(1, 100))))
    share = random_.choice((0.1, 0.15, 0.25))
    needs = [
        tuple(before for before in range(number) if random_.random() < share)
        for number in range(count)
    ]
    return Operations(tuple(random_.choice(sizes) for _ in needs), tuple(needs))


def large() -> None:
    """A graph of 1,000 nodes."""
    _one("randomly wired, 1,000 nodes", randomly_wired(0, 1000), LARGE_SECONDS)


def _mean(values: list[float] | list[int]) -> float:
    return sum(values) / len(values)


_PARTS = {"wired": wired, "programme": programme, "large": large}


def main() -> None:
    """Print what is asked for; all of it if nothing is."""
    parser = argparse.ArgumentParser(description="Orders of operations against known figures.")
    parser.add_argument("parts", nargs="*", choices=[*_PARTS, []], metavar="PART")
    for part in parser.parse_args().parts or _PARTS:
        _PARTS[part]()


if __name__ == "__main__":
    main()
