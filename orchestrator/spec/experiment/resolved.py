"""The fields of an experiment out of the record that it wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from orchestrator.memory import FRAMEWORK
from orchestrator.orders import OwnOrder
from orchestrator.plugins import OwnCode, OwnModel
from orchestrator.spec.experiment.choices import BASELINE
from orchestrator.spec.experiment.jobs import Neighbour
from orchestrator.spec.experiment.programs import Program
from orchestrator.spec.placement import Placement
from orchestrator.spec.scale import scale_of
from orchestrator.spec.sweep import sweep_of
from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.windows import buffers_of
from workloads.models.devices import DeviceModel
from workloads.models.learning import Learning
from workloads.schedule.schedule import Schedule

_SCHEDULES = TypeAdapter(dict[str, Schedule])
_ORDERS = TypeAdapter(dict[str, OwnOrder])
_CODE = TypeAdapter(OwnCode)
_MODELS = TypeAdapter(dict[str, OwnModel])
_PROGRAMS = TypeAdapter(dict[str, Program])
_JOBS = TypeAdapter(dict[str, Neighbour])
_PUBLISHED = TypeAdapter(dict[str, dict[str, tuple[float, ...]]])


def fields_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields, by name; see `Experiment.from_resolved`.

    Raises:
        KeyError: a key is missing.
        TypeError, ValueError: a value is none that this version knows.
    """
    return {
        "name": str(record["name"]),
        "description": str(record.get("description", "")),
        "source": Path(record.get("source", "")),
        "topology": Topology.from_resolved(record["topology"]),
        "placement": Placement.from_resolved(record["placement"]),
        "models": tuple(record["models"]),
        "schedules": tuple(record["schedules"]),
        "iterations": int(record["iterations"]),
        "warm_up": int(record["warm_up"]),
        "cool_down": int(record.get("cool_down", 0)),
        "repeats": int(record["repeats"]),
        "retries": int(record.get("retries", 0)),
        "batch": int(record["batch"]),
        "order_of_operations": str(record.get("order_of_operations", FRAMEWORK)),
        "seed": int(record["seed"]),
        "asked_scale": scale_of(record["scale"]),
        "switch": str(record["switch"]),
        "congestion_control": str(record["congestion_control"]),
        "socket_buffers": buffers_of(record),
        "learning_rate": float(record["learning_rate"]),
        "devices": {name: DeviceModel(**one) for name, one in record["devices"].items()},
        "published": _PUBLISHED.validate_python(record.get("published", {})),
        "added": str(record.get("added", "")),
        "custom_schedules": _SCHEDULES.validate_python(record.get("custom_schedules", {})),
        "own_orders": _ORDERS.validate_python(record.get("order_sources", {})),
        "own_code": _CODE.validate_python(record.get("code_sources", {})),
        "own_models": _MODELS.validate_python(record.get("model_sources", {})),
        "sweep": sweep_of(record.get("sweep")),
        "programs": _PROGRAMS.validate_python(record.get("program_sources", {})),
        "baseline": str(record.get("baseline", BASELINE)),
        "learning": Learning.of(record.get("learning", {})),
        "jobs": _JOBS.validate_python(record.get("jobs", {})),
    }


def given(**values: Any) -> dict[str, Any]:
    """Those that there are."""
    return {name: value for name, value in values.items() if value not in (None, {})}
