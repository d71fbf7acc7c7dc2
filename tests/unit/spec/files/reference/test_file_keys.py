"""The keys of a file, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from orchestrator.spec.files.reference.file_keys import FileKey, file_keys
from orchestrator.spec.files.reference.schema import experiment_schema, topology_schema
from orchestrator.spec.files.topology_file import DEFAULT_QUEUE_BYTES
from orchestrator.spec.values.units import size_text


def keys_of(schema: Mapping[str, Any]) -> dict[str, FileKey]:
    return {key.key: key for key in file_keys(schema)}


def value_of(node: Mapping[str, Any]) -> str:
    (key,) = file_keys({"properties": {"it": node}})
    return key.value


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"type": "string", "title": "rate", "pattern": "^1$"}, "rate"),
        ({"type": "string"}, "text"),
        ({"type": "string", "enum": ["ps", "worker"]}, "ps | worker"),
        ({"anyOf": [{"const": "auto"}, {"type": "string", "title": "size"}]}, "auto or size"),
        ({"type": "integer", "minimum": 0, "maximum": 10}, "whole number from 0 to 10"),
        ({"type": "integer", "minimum": 0, "exclusiveMaximum": 9}, "whole number from 0, below 9"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 5.0}, "number above 0"),
        ({"type": "array", "items": {"type": "string"}}, "list: text"),
        (
            {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
            "list of 2: text",
        ),
        (
            {"type": "object", "additionalProperties": {"type": "number", "exclusiveMinimum": 0}},
            "by name: number above 0",
        ),
    ],
)
def test_what_a_key_takes(node: Mapping[str, Any], value: str) -> None:
    assert value_of(node) == value


def test_defaults_are_those_of_the_file() -> None:
    keys = keys_of(experiment_schema())
    assert keys["topology"].default == "required"
    assert keys["iterations"].default == "5"
    assert keys["scale"].default == keys["scale.rates"].default == "auto"
    assert keys["custom_schedules.NAME.order"].default == "random"
    assert keys["custom_schedules.NAME.place"].default == "nowhere"
    assert keys["custom_schedules.NAME.synchronisation"].default == "step-barrier"
    assert keys["custom_schedules.NAME.slice"].default == ""


def test_keys_within_lists_and_mappings_have_a_way() -> None:
    keys = keys_of(topology_schema())
    assert keys["links[].endpoints"].value == "list of 2: text"
    assert keys["hosts"].default == "required"
    assert keys["hosts.NAME.role"].value == "ps | worker"
    assert size_text(DEFAULT_QUEUE_BYTES) in keys["links[].queue"].meaning


def test_a_group_of_keys_is_listed_once() -> None:
    keys = keys_of(topology_schema())
    assert keys["links[].forward"].value == "keys, as those of defaults.link"
    assert "defaults.link.rate" in keys
    assert "links[].forward.rate" not in keys


@pytest.mark.parametrize("schema", [topology_schema(), experiment_schema()])
def test_every_key_has_a_meaning(schema: Mapping[str, Any]) -> None:
    groups = {key.key for key in file_keys(schema) if key.value == "keys"}
    assert {key.key for key in file_keys(schema) if not key.meaning} <= groups
