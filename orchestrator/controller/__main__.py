"""The controller's process: `python -m orchestrator.controller SETTINGS`.

SETTINGS is a JSON file: host, port, requests (the Unix socket's path), switches (datapath id ->
name) and rules (name -> list of rules).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from orchestrator.controller.app import Application
from orchestrator.controller.openflow import serve
from orchestrator.controller.rule import Rule


def main() -> None:
    """Entry point."""
    settings = json.loads(Path(sys.argv[1]).read_text())
    application = Application(
        {int(number): name for number, name in settings["switches"].items()},
        {
            name: [Rule.from_json(rule) for rule in rules]
            for name, rules in settings["rules"].items()
        },
    )
    serve(
        application,
        host=settings["host"],
        port=settings["port"],
        requests=settings["requests"],
    )


if __name__ == "__main__":
    main()
