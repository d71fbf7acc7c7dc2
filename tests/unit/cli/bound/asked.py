"""What `dmlbed bound` answers, and files to ask it about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from orchestrator.cli.main import cli

ROOT = Path(__file__).parents[4]

PUBLISHED = str(ROOT / "experiments/published.yaml")


def bound(*arguments: str, columns: int = 80) -> Result:
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(cli, ["bound", *arguments])


def told(*arguments: str) -> dict[str, Any]:
    result = bound(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def on(tmp_path: Path, topology: str) -> str:
    """The published experiment on another of the shipped topologies."""
    text = Path(PUBLISHED).read_text()
    old = "../topologies/ps-10g-1g-3workers.yaml"
    file = tmp_path / "other.yaml"
    file.write_text(text.replace(old, str(ROOT / f"topologies/{topology}.yaml")))
    return str(file)
