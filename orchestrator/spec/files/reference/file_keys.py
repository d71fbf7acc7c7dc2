"""The keys of a file, one by one, as its JSON Schema has them (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_PLACEHOLDER = "NAME"


class FileKey(NamedTuple):
    """A key of a file.

    Attributes:
        key: its path, such as `links[].rate`; NAME is any name that people choose.
        value: what it takes, in words.
        default: its value if it is left out; "required" if it must not be; else empty.
        meaning: its description.
    """

    key: str
    value: str
    default: str
    meaning: str


def file_keys(schema: Mapping[str, Any]) -> tuple[FileKey, ...]:
    """All keys that a schema allows, in its order.

    A group of keys that several places share is listed at the first of them.
    """
    return tuple(_Keys(schema.get("$defs", {})).below(schema, ""))


class _Keys:
    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._listed: dict[str, str] = {}

    def below(self, group: Mapping[str, Any], path: str) -> Iterator[FileKey]:
        for name, node in group["properties"].items():
            required = name in group.get("required", ())
            default = "required" if required else _written(node.get("default"))
            yield from self._key(f"{path}{name}", node, default)

    def _key(self, key: str, node: Mapping[str, Any], default: str) -> Iterator[FileKey]:
        inner, way = _inner(node)
        group = next((one["$ref"] for one in _choices(inner) if "$ref" in one), None)
        value = _value(node)
        if group in self._listed:
            value = f"{value}, as those of {self._listed[group]}"
        yield FileKey(key, value, default, node.get("description", ""))
        # What has a title is described by that.
        if group is not None and group not in self._listed and "title" not in node:
            self._listed[group] = f"{key}{way}"
            yield from self.below(self._definitions[group.rpartition("/")[2]], f"{key}{way}.")


def _inner(node: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """What a list or a mapping holds, and the way there; any other value as it is."""
    if "items" in node:
        inner, way = _inner(node["items"])
        return inner, f"[]{way}"
    if (held := _by_name(node)) is not None:
        inner, way = _inner(held)
        return inner, f".{_PLACEHOLDER}{way}"
    return node, ""


def _by_name(node: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a mapping has under names that people choose; None if it is no such mapping."""
    held = next(iter(node.get("patternProperties", {}).values()), node.get("additionalProperties"))
    return held if isinstance(held, dict) else None


def _choices(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    choices: list[Mapping[str, Any]] = node.get("anyOf", [node])
    return choices


def _value(node: Mapping[str, Any]) -> str:
    """What a key takes, in words."""
    if "title" in node or "const" in node:
        return str(node.get("title", node.get("const")))
    if "anyOf" in node:
        return " or ".join(map(_value, node["anyOf"]))
    if "enum" in node:
        return " | ".join(node["enum"])
    if node.get("type") == "boolean":
        return "true | false"
    if node.get("type") in ("integer", "number"):
        return _number(node)
    return _held(node)


def _held(node: Mapping[str, Any]) -> str:
    """What a key takes that holds others; or any text."""
    if "items" in node:
        exactly = node["maxItems"] if node.get("minItems") == node.get("maxItems", "") else ""
        return f"list{exactly and f' of {exactly}'}: {_value(node['items'])}"
    if (held := _by_name(node)) is not None:
        return f"by name: {_value(held)}"
    return "keys" if "$ref" in node else "text"


def _number(node: Mapping[str, Any]) -> str:
    noun = "whole number" if node["type"] == "integer" else "number"
    if "exclusiveMinimum" in node:
        limit = node.get("exclusiveMaximum")
        less = "" if limit is None else f", below {_written(limit)}"
        return f"{noun} above {_written(node['exclusiveMinimum'])}{less}"
    least, most = node.get("minimum"), node.get("maximum")
    if most is None:
        below = node.get("exclusiveMaximum")
        return f"{noun} from {_written(least)}" + (f", below {_written(below)}" if below else "")
    return f"{noun} from {_written(least)} to {_written(most)}"


def _written(value: object) -> str:
    """A value as people write it in a file; empty if there is none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.12g}" if isinstance(value, float) else str(value)
