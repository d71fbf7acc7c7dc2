"""Keeps one CPU awake: `python -I -S idler.py CPU`, started by limits/awake.py.

It gives its turn away again and again, which costs the CPU's other thread next to nothing; a plain
loop would slow it by a fifth.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

NAME = "dmlbed-awake"
"""Of the process, in /proc; at most 15 characters."""
_TURNS = 10_000
"""Between two looks at the parent."""


def keep_awake(cpu: int) -> None:
    """Keep a CPU awake, behind everything else that is ready, until the parent is gone."""
    parent = os.getppid()
    os.sched_setaffinity(0, {cpu})
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    Path("/proc/self/comm").write_text(NAME)
    give_way = os.sched_yield
    while os.getppid() == parent:
        for _ in range(_TURNS):
            give_way()


if __name__ == "__main__":
    keep_awake(int(sys.argv[1]))
