"""Validates a document against a file's model, and says what is wrong in people's words."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from orchestrator.spec.values.fields import FileModel
from orchestrator.spec.values.text import kind, nearest, quoted
from orchestrator.spec.yaml.document import Document, Loc

_Model = TypeVar("_Model", bound=FileModel)

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "list_type": "a list",
    "dict_type": "a mapping of keys",
    "model_type": "a mapping of keys",
}
# Files' whole numbers of more than 18 digits are read as floating-point numbers.
_LARGE = 1e18
_BOUND = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}


def validate(document: Document, model: type[_Model]) -> _Model | None:
    """Validates a document's data; adds what is wrong to the document's problems.

    Returns:
        The model's object, or None if there was a problem.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            _report(document, model, dict(item))
        return None


def sound_part(
    document: Document, model: type[_Model], stand_ins: Mapping[str, Any]
) -> _Model | None:
    """What is left of a document without all that is wrong, so that the rest can be checked, too.

    Args:
        document: that `validate` found problems in; it is told what is left out.
        model: of the file.
        stand_ins: values for keys that the file must have.

    Returns:
        None if nothing is left.
    """
    data = copy.deepcopy(document.data)
    while isinstance(data, dict):
        try:
            return model.model_validate(data)
        except ValidationError as error:
            for item in error.errors(include_url=False):
                loc = _there(data, item["loc"])
                if loc:
                    document.cut.add(document.written(loc))
                    _cut(data, loc)
                elif (key := str(item["loc"][0])) in stand_ins:
                    data[key] = stand_ins[key]
                else:
                    return None
    return None


def _there(data: object, loc: Loc) -> Loc:
    """The part of a place that the data has; a list is taken as a whole."""
    there: Loc = ()
    for step in loc:
        if not isinstance(data, dict) or step not in data:
            break
        data = data[step]
        there = (*there, step)
    return there


def _cut(data: dict[Any, Any], loc: Loc) -> None:
    *around, last = loc
    for step in around:
        data = data[step]
    del data[last]


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one: for checks of half-broken files."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """The value if it is a list, else an empty one: for checks of half-broken files."""
    return value if isinstance(value, list) else []


def _report(document: Document, model: type[BaseModel], item: dict[str, Any]) -> None:
    loc: Loc = item["loc"]
    context = item.get("ctx", {})
    value = item["input"]
    match item["type"]:
        case "missing":
            document.report_at(loc, f"missing key {quoted(str(loc[-1]))}", key=True)
        case "extra_forbidden":
            key = str(loc[-1])
            hint = _right_key(_model_at(model, loc[:-1]), key)
            document.report_at(loc, f"unknown key {quoted(key)}", hint, key=True)
        case "value_error":
            is_key = loc[-1] == "[key]"
            error = context["error"]
            hint = getattr(error, "hint", "")
            document.report_at(loc[:-1] if is_key else loc, str(error), hint, key=is_key)
        case "literal_error":
            allowed = context["expected"]
            hint = nearest(value, allowed.split("'")[1::2]) if isinstance(value, str) else ""
            document.report_at(loc, f"expected {allowed}, found {kind(value)}", hint)
        case "too_short" | "too_long":
            count = context.get("min_length", context.get("max_length"))
            least = "at least" if item["type"] == "too_short" else "at most"
            noun = "entry" if count == 1 else "entries"
            message = f"expected {least} {count} {noun}, found {len(value)}"
            document.report_at(loc, message)
        case name if name in _BOUND:
            key, words = _BOUND[name]
            bound = context[key]
            limit = bound if isinstance(bound, int) else f"{bound:g}"
            document.report_at(loc, f"must be {words} {limit}, found {value}")
        case "int_type" if isinstance(value, float) and abs(value) >= _LARGE:
            side = "large" if value > 0 else "small"
            limits = _limits(_model_at(model, loc[:-1]).model_fields.get(str(loc[-1])))
            document.report_at(loc, f"the number {value:.3g} is too {side}", limits)
        case name if name in _EXPECTED:
            quotes = name == "string_type" and isinstance(value, int | float)
            hint = "put it in quotes to make it text" if quotes else ""
            document.report_at(loc, f"expected {_EXPECTED[name]}, found {kind(value)}", hint)
        case _:
            document.report_at(loc, f"{item['msg']}, found {kind(value)}")


def _right_key(model: type[BaseModel], key: str) -> str:
    """A hint at the key that was meant: the new name of an old one, or the nearest one."""
    renamed = model.renamed.get(key) if issubclass(model, FileModel) else None
    if renamed is not None:
        return f"it is {quoted(renamed)} now"
    names = tuple(field.alias or name for name, field in model.model_fields.items())
    return nearest(key, names, else_list="known keys")


def _limits(field: FieldInfo | None) -> str:
    """The least and the most that a field takes, in words."""
    metadata = [] if field is None else field.metadata
    words = (
        f"{text} {getattr(one, key)}"
        for key, text in _BOUND.values()
        for one in metadata
        if getattr(one, key, None) is not None
    )
    return " and ".join(words)


def _model_at(model: type[BaseModel], loc: Loc) -> type[BaseModel]:
    """The file model at a place; keys and indices of mappings and lists are skipped."""
    for step in loc:
        field = model.model_fields.get(str(step))
        if field is not None:
            model = _model_in(field.annotation) or model
    return model


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        model = _model_in(argument)
        if model is not None:
            return model
    return None
