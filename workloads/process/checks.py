"""What values in a job must be: checks that return a value as it is used, or say what is wrong."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from workloads.models.devices import DeviceModel
from workloads.models.execution import check_trees
from workloads.models.learning import Learning
from workloads.models.profiles import Model, add_model, load_model, model_names
from workloads.process.checkpoints import Checkpoints
from workloads.schedule.library import get_schedule
from workloads.schedule.schedule import Schedule

Check = Callable[[Any], Any]
"""Takes a value of a JSON file; raises ValueError with what it must be."""


def checked(
    given: Mapping[str, Any], checks: Mapping[str, Check], place: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """Check an object of a job key by key.

    Args:
        given: the object.
        checks: of all keys that it must have.
        place: goes before a key in a message.

    Returns:
        The values that are right, and the problems, as `key: message`.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for key, check in checks.items():
        if key not in given:
            problems.append(f"{place}{key}: missing")
            continue
        try:
            values[key] = check(given[key])
        except ValueError as error:
            problems.append(f"{place}{key}: {error}")
    problems += [f"{place}{key}: unknown key" for key in given if key not in checks]
    return values, problems


def text(value: Any) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text")
    return value


def whole(least: int, most: int) -> Callable[[Any], int]:
    """A whole number within limits."""

    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return check


def number(value: Any) -> float:
    """A finite number, at least 0."""
    if (
        not isinstance(value, int | float)
        or isinstance(value, bool)
        or not math.isfinite(value)
        or value < 0
    ):
        raise ValueError("must be a number, at least 0")
    return float(value)


def positive(value: Any) -> float:
    """A finite number above 0."""
    if number(value) <= 0:
        raise ValueError("must be more than 0")
    return float(value)


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def learning(value: Any) -> Learning:
    """How a training learns."""
    return Learning.of(mapping(value))


def checkpoints(value: Any) -> Checkpoints | None:
    """Where checkpoints are, how often one is written, after how many iterations to continue."""
    if value is None:
        return None
    key_checks: dict[str, Check] = {
        "directory": lambda directory: Path(text(directory)),
        "every": whole(1, 1 << 20),
        "after": whole(0, 1 << 30),
    }
    keys, problems = checked(mapping(value), key_checks)
    if problems:
        raise ValueError("; ".join(problems))
    return Checkpoints(**keys)


def model(value: Any) -> Model:
    """The name of a model of the library, or all that is exchanged of one that hosts do not have.

    That is a user's, or one of the library's whose layers are computed in another order.
    """
    if not isinstance(value, dict):
        return load_model(text(value))
    try:
        profile = Model.from_json(value)
    except (KeyError, TypeError) as error:
        raise ValueError(f"no model: {type(error).__name__}: {error}") from None
    if profile.name not in model_names():
        add_model(profile)
    return profile


def or_none(check: Check) -> Check:
    """None, or what passes a check."""
    return lambda value: None if value is None else check(value)


def mapping(value: Any) -> dict[str, Any]:
    """An object, whose keys are checked elsewhere."""
    if not isinstance(value, dict):
        raise ValueError("must be an object")
    return value


def address(value: Any) -> str:
    """An IPv4 address."""
    return str(ipaddress.IPv4Address(text(value)))


port = whole(0, 65535)


def listed(check: Check, least: int, most: int, what: str) -> Callable[[Any], tuple[Any, ...]]:
    """A list of values that each pass a check."""

    def check_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise ValueError(f"must be a list of {least} to {most} {what}")
        return tuple(map(check, value))

    return check_all


def names(most: int) -> Callable[[Any], tuple[str, ...]]:
    """A list of different names."""
    all_of = listed(text, 1, most, "names")

    def check(value: Any) -> tuple[str, ...]:
        listed_names = all_of(value)
        if len(set(listed_names)) < len(listed_names):
            raise ValueError("names a worker twice")
        return listed_names

    return check


def members(value: Any) -> dict[str, Any]:
    """How those that take part stand to each other, beside the workers: see `Members`."""
    some = listed(text, 0, 1 << 16, "names")
    wanted = {
        "servers": some,
        "ring": some,
        "groups": listed(some, 0, 1 << 16, "groups"),
        "shares": lambda given: {key: number(one) for key, one in mapping(given).items()},
    }
    keys, problems = checked(mapping(value), wanted)
    if problems:
        raise ValueError("; ".join(problems))
    return keys


def ranks(value: Any) -> tuple[int, ...]:
    """A list of whole numbers, at least 0."""
    if not isinstance(value, list) or not all(type(rank) is int and rank >= 0 for rank in value):
        raise ValueError("must be a list of whole numbers, at least 0")
    return tuple(value)


def rows(value: Any) -> tuple[tuple[int, ...], ...]:
    """A list of such lists."""
    if not isinstance(value, list):
        raise ValueError("must be a list of lists")
    return tuple(ranks(row) for row in value)


def scale(value: Any) -> tuple[float, float]:
    """R and D."""
    if not isinstance(value, dict) or set(value) != {"rates", "time"}:
        raise ValueError("must be an object with 'rates' and 'time'")
    return positive(value["rates"]), positive(value["time"])


_CODED = "seconds_per_megabyte_coded"
_KINDS, _BATCH = _OPTIONAL = ("kinds", "batch")


def device(value: Any) -> DeviceModel:
    """The constants of a device model, and its trees if it has any."""
    keys = [entry.name for entry in fields(DeviceModel) if entry.name not in _OPTIONAL]
    if not isinstance(value, dict) or {*value} - {*_OPTIONAL} != set(keys):
        raise ValueError(f"must be an object with {', '.join(keys)}")
    coded = {text(codec): number(each) for codec, each in mapping(value[_CODED]).items()}
    others = {key: number(value[key]) for key in keys if key not in ("name", _CODED)}
    return DeviceModel(
        name=text(value["name"]),
        seconds_per_megabyte_coded=coded,
        kinds=check_trees(value.get(_KINDS, {})),
        batch=or_none(whole(1, 1 << 20))(value.get(_BATCH)),
        **others,
    )


def schedule(value: Any) -> Schedule:
    """A schedule: its name, or all of its choices."""
    if not isinstance(value, dict):
        return get_schedule(text(value))
    keys = {entry.name for entry in fields(Schedule)}
    if set(value) != keys:
        raise ValueError(f"must be a name, or an object with {', '.join(sorted(keys))}")
    return Schedule(**value)
