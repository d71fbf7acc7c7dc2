"""The conductor's end of the controller's request socket: one JSON object per line each way."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from orchestrator.errors import RunError

# Longer than the controller itself waits for a switch.
ANSWER_SECONDS = 8.0


def ask(path: Path, request: str, **fields: Any) -> dict[str, Any]:
    """Ask the controller; a connection per question, so that none outlives a dead controller.

    Raises:
        OSError: there is no listener, or no answer.
        RunError: the controller refused, or could not do it.
    """
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(ANSWER_SECONDS)
        client.connect(str(path))
        with client.makefile("rw") as stream:
            stream.write(json.dumps({"request": request, **fields}) + "\n")
            stream.flush()
            line = stream.readline()
    if not line:
        raise ConnectionResetError("the controller hung up")
    answer: dict[str, Any] = json.loads(line)
    if not answer.pop("ok"):
        raise RunError(f"the controller: {answer['error']}")
    return answer
