"""What a message shows of all that a process printed."""

from __future__ import annotations

import re
from collections.abc import Sequence

SHOWN_LINES = 20
_SUMMARY = re.compile(r"torch[./]distributed[./]elastic[./]multiprocessing[./]api.*failed \(exit")
"""Where torchrun begins to say that its script has failed: some 30 lines, and none says why."""


def last_output(lines: Sequence[str]) -> list[str]:
    """The last lines of a process that a person looks for the reason of its end in.

    Args:
        lines: the end of its output. Blank ones and events are not shown; nor is what `torchrun`
            says of a script's end, for the script's own last lines are before it.
    """
    told = [line for line in lines if line.strip() and not line.startswith('{"event": ')]
    end = next((at for at, line in enumerate(told) if _SUMMARY.search(line)), len(told))
    if end in (0, len(told)):
        return told[-SHOWN_LINES:]
    left_out = f"(then {len(told) - end} lines by torchrun, without the reason)"
    return [*told[:end][-SHOWN_LINES:], left_out]
