"""What a profile leaves: a device file for topologies, and the tables it was learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from orchestrator.errors import InputError, Problem
from orchestrator.spec.values.text import quoted
from workloads.models.execution import Trees

_SUFFIXES = (".yaml", ".yml")


def layers_table(device_file: Path) -> Path:
    """Where the times of layers are."""
    return device_file.with_suffix(".csv")


def networks_table(table: Path) -> Path:
    """Where the times of whole networks are, beside those of layers."""
    return table.with_suffix(".networks.csv")


def check_target(device_file: Path, *, table_given: bool) -> None:
    """Check that a device file may be written there.

    Raises:
        InputError: it has another ending, no folder, or is there and was not written by a profile.
    """
    place = str(device_file)
    if device_file.suffix not in _SUFFIXES:
        hint = f"such as {device_file.stem}.yaml"
        raise InputError([Problem(place, "a device file ends with .yaml", hint)])
    if not device_file.absolute().parent.is_dir():
        folder = quoted(str(device_file.parent))
        raise InputError([Problem(place, f"there is no directory {folder}", "make it first")])
    ours = table_given or layers_table(device_file).exists()
    if device_file.exists() and not ours and "\nkinds:" not in device_file.read_text("utf-8"):
        hint = "name another, or remove it"
        raise InputError([Problem(place, "is there already, and no profile wrote it", hint)])


def device_text(name: str, source: str, trees: Trees, measured: Mapping[str, Any]) -> str:
    """The text of a device file."""
    head = (
        "# A device for topologies: `device: ./FILE` of a worker. `dmlbed profile` wrote it; see\n"
        "# docs/devices.md. Times are of a whole batch; bytes are those of float32.\n"
    )
    content = {"name": name, "source": source, "measured": dict(measured), "kinds": trees}
    return head + yaml.safe_dump(
        content, sort_keys=False, default_flow_style=None, width=100, allow_unicode=True
    )
