"""`programs:` in the experiment file: its keys and their defaults."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from orchestrator.spec.experiment.programs import IMGS_PER_SEC, Throughput
from orchestrator.spec.values.fields import FieldError, FileModel, ModelName
from orchestrator.spec.values.text import quoted

MAX_PROGRAMS = 32
MAX_LIMIT_SECONDS = 24 * 3600
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"


def _inside(value: str) -> str:
    parts = PurePosixPath(value).parts
    if not parts or value.startswith(("/", "~")) or ".." in parts or "\0" in value:
        raise FieldError(
            f"{quoted(value)} is no path in the experiment's folder",
            "shipped files lie beside or below the experiment's file; what lies elsewhere on this"
            " machine, programs find by its absolute path",
        )
    return str(PurePosixPath(value))


def _written(value: str) -> str:
    if not PurePosixPath(value).parts or value.startswith("/") or ".." in value.split("/"):
        raise FieldError(
            f"{quoted(value)} is no path in the program's directory",
            "name it relative to where the program starts",
        )
    return str(PurePosixPath(value))


def _regex(value: str) -> str:
    try:
        groups = re.compile(value).groups
    except re.error as error:
        raise FieldError(f"{quoted(value)} is no regular expression: {error}") from None
    if groups < 1:
        hint = r"for instance 'imgs/sec: ([0-9.]+)'"
        raise FieldError(f"{quoted(value)} has no group in brackets for the number", hint)
    return value


def _variable(value: str) -> str:
    if re.fullmatch(_VARIABLE, value, re.ASCII) is None:
        raise FieldError(
            f"{quoted(value)} is no name of an environment variable",
            "a letter or '_', then letters, digits and '_'",
        )
    return value


def _word(value: str) -> str:
    if "\0" in value:
        raise FieldError("a word of a command has no zero byte")
    return value


def _command(value: Any) -> Any:
    if isinstance(value, str):
        raise FieldError(
            f"expected a list of words, found {quoted(value)}",
            "for instance [python3, train.py]; a shell's line is [sh, -c, 'the line']",
        )
    return value


Words: TypeAlias = Annotated[
    list[Annotated[str, AfterValidator(_word)]],
    Field(min_length=1),
    BeforeValidator(_command),
]
Variable: TypeAlias = Annotated[
    str,
    AfterValidator(_variable),
    WithJsonSchema({"title": "variable", "type": "string", "pattern": f"^{_VARIABLE}$"}),
]
Seconds: TypeAlias = Annotated[float, Field(gt=0, le=MAX_LIMIT_SECONDS, allow_inf_nan=False)]


class ThroughputFile(FileModel):
    """How a program's throughput is read: by `json` or by `regex`."""

    json_key: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        alias="json",
        description="for lines that are JSON objects: the key of the number; dots lead into"
        " objects",
    )
    regex: Annotated[str, AfterValidator(_regex)] | None = Field(
        default=None,
        description="a regular expression; its first group is the number",
    )
    file: Annotated[str, AfterValidator(_written)] | None = Field(
        default=None,
        description="a file in the program's directory to read; its output if left out",
    )
    unit: Annotated[str, Field(min_length=1, max_length=20)] = Field(
        default=IMGS_PER_SEC, description="the unit of the number: something per second"
    )
    per_rank: Literal["first", "sum"] = Field(
        default="first",
        description="'first': the readings of the lowest rank that has any; 'sum': all ranks added",
    )

    def resolve(self) -> Throughput:
        """How it is read."""
        return Throughput(self.json_key, self.regex, self.file, self.unit, self.per_rank)


class ProgramFile(FileModel):
    """A program: one process for every place in `hosts`."""

    command: Words = Field(
        description="the program and its arguments, as a list of words; python3 and torchrun come"
        " from dmlbed's environment",
    )
    hosts: Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None,
        description="the host of each process, by rank; the placement's workers if left out",
    )
    environment: dict[Variable, str] = Field(
        default={}, description="variables, in addition to those that every program gets"
    )
    files: list[Annotated[str, AfterValidator(_inside)]] = Field(
        default=[],
        description="files and folders beside this file, shipped to where each process starts",
    )
    ready: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="text that one of its processes prints when it is ready"
    )
    start: Seconds = Field(default=60.0, description="seconds of real time to wait for `ready`")
    throughput: ThroughputFile = Field(description="how its throughput is read")
    sent: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="for lines that are JSON objects: the key of what a process has sent by its own"
        " account, an object of bytes by rank; the links' counters are compared with it",
    )
    warm_up: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=0, description="how many of its first readings are left out"
    )
    limit: Seconds = Field(
        default=300.0, description="seconds of real time after which it is ended"
    )
    model: ModelName | None = Field(
        default=None,
        description="the model that it trains: its row is compared with that model's baseline",
    )
