"""Events: one JSON object per line on stdout, for whoever follows the process."""

from __future__ import annotations

import json
import sys
from typing import Any

from workloads.errors import WorkloadError


def announce(event: str, **fields: Any) -> None:
    """Print one event.

    Raises:
        WorkloadError: the reader of the events is gone.
    """
    try:
        sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
        sys.stdout.flush()
    except OSError as error:
        raise WorkloadError(f"the reader of the events is gone: {error.strerror}") from None
