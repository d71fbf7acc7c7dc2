"""A file with a model of one's own: layers in forward order, tensors, graph; read and written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from orchestrator.errors import InputError, Problem
from orchestrator.spec.files.validation import validate
from orchestrator.spec.values.fields import FieldError, FileModel, is_model_file
from orchestrator.spec.values.text import nearest, quoted
from orchestrator.spec.yaml.document import Document, Loc
from orchestrator.spec.yaml.yamlfile import read_document
from workloads.models.profiles import KINDS, Item, Join, Kind, Model, load_model

_MOST_ELEMENTS = 10**12
_MOST_MACS = 10**18

Text = Annotated[str, Field(min_length=1, max_length=200)]
Count = Annotated[int, Field(ge=0, le=_MOST_MACS)]
Side = Annotated[int, Field(ge=1, le=_MOST_ELEMENTS)]


def _passage(value: list[Any]) -> list[Any]:
    match value:
        case [str(kind), int(read), int(written)] if kind in KINDS and min(read, written) >= 0:
            return value
    hint = 'such as ["pooling", 193600, 46656]: a kind of layer, values read and written'
    raise FieldError("not something that happens on the way to a layer", hint)


class TensorFile(FileModel):
    """A tensor of a layer."""

    name: Text = Field(description="unique in the model")
    shape: Annotated[list[Side], Field(max_length=8)] = Field(description="as the framework has it")


class LayerFile(FileModel):
    """A layer."""

    name: Text = Field(description="unique in the model")
    kind: Kind = Field(default="other", description="what it computes")
    macs: Count = Field(default=0, description="multiply-accumulates of one example's forward pass")
    input_elements: Count = Field(default=0, description="values that it reads of one example")
    output_elements: Count = Field(default=0, description="values that it writes for one example")
    needs: list[Text] | None = Field(
        default=None,
        description="the layers whose outputs it needs, all above it; left out: the one above it",
    )
    join: Join = Field(default="concat", description="how several outputs become one")
    tensors: list[TensorFile] = Field(default=[], description="its parameters")
    tied: list[Text] = Field(
        default=[], description="tensors of layers above it that it computes with as well"
    )
    before: list[Annotated[list[Any], AfterValidator(_passage)]] = Field(
        default=[],
        description="what happens on the way to it, such as pooling: kind, values read and written",
    )


class ModelFile(FileModel):
    """A model."""

    model_config = ConfigDict(title="dmlbed model")

    name: Text = Field(default="model", description="for people; experiments name the file")
    variant: str = Field(default="", description="which of the networks of that name it is")
    unit: Item = Field(default="samples", description="what throughput counts")
    items_per_example: Annotated[int, Field(ge=1, le=_MOST_ELEMENTS)] = Field(
        default=1, description="how many of these an example has, such as the tokens of a sequence"
    )
    input_shape: Annotated[list[Side], Field(max_length=8)] = Field(
        default=[], description="of one example, without the batch"
    )
    layers: Annotated[list[LayerFile], Field(min_length=1, max_length=10_000)] = Field(
        description="in forward order"
    )


def model_of(name: str, folder: Path, place: str) -> Model:
    """The model of that name of the library, or of that file.

    Args:
        name: of either.
        folder: where a file's path starts.
        place: of the name, for messages.

    Raises:
        InputError: there is none, or the file is none of a model.
    """
    if is_model_file(name):
        return read_model(folder / name, name, name)
    try:
        return load_model(name)
    except ValueError as error:
        hint = "a file of your own ends with .yaml, .yml or .json; `dmlbed model import` makes one"
        raise InputError([Problem(place, str(error), hint)]) from None


def read_model(path: Path, display: str, name: str) -> Model:
    """The model of a file.

    Args:
        path: of the file, YAML or JSON.
        display: the path for messages.
        name: that it gets.

    Raises:
        InputError: with all problems of the file.
    """
    document = read_document(path, display)
    file = validate(document, ModelFile)
    if file is not None:
        _check(document, file)
    if file is None or document.problems:
        raise InputError(document.sorted_problems())
    return Model.from_json({**file.model_dump(), "name": name, "layers": _written_out(file)})


def model_text(model: Model) -> str:
    """A model as a YAML file, with a line for each layer."""
    record = model.to_json()
    layers = record.pop("layers")
    head = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in record.items()]
    lines = [f"  - {json.dumps(layer, ensure_ascii=False)}" for layer in layers]
    return "\n".join([*head, "layers:", *lines, ""])


def _written_out(file: ModelFile) -> list[Mapping[str, Any]]:
    """Each layer with what it needs."""
    layers: list[Mapping[str, Any]] = []
    before: list[str] = []
    for layer in file.layers:
        needs = before if layer.needs is None else layer.needs
        layers.append({**layer.model_dump(), "needs": needs})
        before = [layer.name]
    return layers


def _check(document: Document, file: ModelFile) -> None:
    """Adds a problem for each name that is there twice, not at all, or too late."""
    layers: list[str] = []
    tensors: list[str] = []
    all_layers = {layer.name for layer in file.layers}
    all_tensors = {tensor.name for layer in file.layers for tensor in layer.tensors}
    for number, layer in enumerate(file.layers):
        loc: Loc = ("layers", number)
        _unique(document, (*loc, "name"), "layer", layer.name, layers)
        for place, name in enumerate(layer.needs or []):
            if name not in layers:
                message, hint = _missing("layer", name, layers, all_layers)
                document.report_at((*loc, "needs", place), message, hint)
        for place, name in enumerate(layer.tied):
            if name not in tensors:
                message, hint = _missing("tensor", name, tensors, all_tensors)
                document.report_at((*loc, "tied", place), message, hint)
        for place, tensor in enumerate(layer.tensors):
            _unique(document, (*loc, "tensors", place, "name"), "tensor", tensor.name, tensors)
            tensors.append(tensor.name)
        layers.append(layer.name)
    if not tensors:
        document.report_at(("layers",), "no layer has a tensor, so nothing is exchanged", key=True)


def _unique(document: Document, loc: Loc, what: str, name: str, above: list[str]) -> None:
    if name in above:
        hint = "give it a name of its own"
        if what == "tensor":
            hint = "name it in `tied` if it is the same one; or give it a name of its own"
        document.report_at(loc, f"{what} {quoted(name)} is there twice", hint)


def _missing(what: str, name: str, above: list[str], everywhere: set[str]) -> tuple[str, str]:
    if name in everywhere:
        hint = "layers are in forward order, each after all that it needs"
        return f"{what} {quoted(name)} is not above this one", hint
    return f"unknown {what} {quoted(name)}", nearest(name, above)
