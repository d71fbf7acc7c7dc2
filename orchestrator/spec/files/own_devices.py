"""Files among the devices that a topology names: find and read them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from orchestrator.errors import InputError, Problem
from orchestrator.spec.files.device_file import read_device
from orchestrator.spec.files.validation import mapping
from orchestrator.spec.values.fields import is_device_file
from orchestrator.spec.yaml.document import Document, Loc
from workloads.models.devices import DeviceModel


def find_devices(document: Document) -> tuple[dict[str, DeviceModel], list[Problem]]:
    """The devices of a topology that are files, by how it names them; paths start from its folder.

    What is wrong inside those files is returned, in their order; a file that cannot be read is a
    problem of the topology's line that names it.
    """
    devices: dict[str, DeviceModel] = {}
    problems: list[Problem] = []
    seen: set[str] = set()
    for loc, named in _named(document):
        if named in seen or not is_device_file(named):
            continue
        seen.add(named)
        display = os.path.normpath(Path(document.display_path).parent / named)
        try:
            devices[named] = read_device(document.path.parent / named, display)
        except InputError as error:
            first = error.problems[0]
            if first.place == display:
                document.report_at(loc, f"device {display}: {first.message}", first.hint)
            else:
                problems += error.problems
    return devices, problems


def _named(document: Document) -> Iterator[tuple[Loc, str]]:
    """What hosts and defaults name as a device, and where."""
    data = mapping(document.data)
    for part in ("defaults", "hosts"):
        for name, one in mapping(data.get(part)).items():
            device = mapping(one).get("device")
            if isinstance(device, str):
                yield (part, name, "device"), device
