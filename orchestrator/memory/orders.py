"""Orders of operations that are known before anything is weighed."""

from __future__ import annotations

from collections import deque

from orchestrator.memory.graph import Operations


def as_numbered(operations: Operations) -> tuple[int, ...]:
    """The framework's: as the model lists them."""
    return tuple(range(len(operations)))


def breadth_first(operations: Operations) -> tuple[int, ...]:
    """First ready, first run; of those that become ready at once, the lowest number first."""
    left = [len(needs) for needs in operations.needs]
    ready = deque(number for number, count in enumerate(left) if not count)
    order = []
    while ready:
        order.append(ready.popleft())
        for after in operations.needed_by[order[-1]]:
            left[after] -= 1
            if not left[after]:
                ready.append(after)
    return tuple(order)


def depth_first(operations: Operations) -> tuple[int, ...]:
    """Reverse postorder: from every beginning down, the lowest number first, and turned round."""
    beginnings = tuple(number for number, needs in enumerate(operations.needs) if not needs)
    seen: set[int] = set()
    postorder: list[int] = []
    for beginning in beginnings:
        path = [(beginning, iter(operations.needed_by[beginning]))]
        seen.add(beginning)
        while path:
            number, after = path[-1]
            following = next((one for one in after if one not in seen), None)
            if following is None:
                postorder.append(number)
                path.pop()
            else:
                seen.add(following)
                path.append((following, iter(operations.needed_by[following])))
    return tuple(reversed(postorder))
