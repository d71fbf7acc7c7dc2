"""JSON Schemas of the two kinds of files, for editors.

`python -m orchestrator.spec.files.reference.schema` writes them to where they are committed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from orchestrator.spec.files.experiment_file import ExperimentFile
from orchestrator.spec.files.topology_file import TopologyFile
from orchestrator.spec.values.fields import FileModel

TOPOLOGY_SCHEMA = Path("topologies/topology.schema.json")
EXPERIMENT_SCHEMA = Path("experiments/experiment.schema.json")


class _Generator(GenerateJsonSchema):
    """Leaves out what no one writes in a file: null (a key is left out instead) and titles."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        result = super().dict_schema(schema)
        if "patternProperties" in result:
            result["additionalProperties"] = False
        return result

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        # Other defaults are parsed quantities (bytes) or empty parts: no text for a file.
        simple = isinstance(schema.get("default"), str | int | float) and schema["default"] != ""
        if not simple or schema["schema"]["type"] == "function-before":
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def topology_schema() -> dict[str, Any]:
    """The JSON Schema of topology files."""
    return _schema(TopologyFile)


def experiment_schema() -> dict[str, Any]:
    """The JSON Schema of experiment files."""
    return _schema(ExperimentFile)


def as_text(schema: dict[str, Any]) -> str:
    """A schema as the text of its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _schema(model: type[FileModel]) -> dict[str, Any]:
    schema = model.model_json_schema(schema_generator=_Generator)
    return {"$schema": _Generator.schema_dialect, **schema}


def _main() -> None:
    for path, schema in (
        (TOPOLOGY_SCHEMA, topology_schema()),
        (EXPERIMENT_SCHEMA, experiment_schema()),
    ):
        path.write_text(as_text(schema), encoding="utf-8")


if __name__ == "__main__":
    _main()
