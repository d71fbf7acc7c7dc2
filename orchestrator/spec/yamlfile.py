"""Reads a YAML file into plain data that remembers where everything stands.

Three things differ from `yaml.safe_load`, all so that nobody is surprised:

* Plain scalars follow the core schema of YAML 1.2: `no` and `1:30` are text, `0x10` is 16.
* Duplicate keys, empty values, tags, anchors and aliases are problems, and each knows its place.
* Size, depth and the number of values are limited, so that no file can hang the program.

What is wrong in one place does not hide what is wrong in another, unless the text is not YAML at
all: a parser cannot read on after that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import yaml

from orchestrator.errors import InputError, Problem
from orchestrator.spec.text import kind, nearest, shown

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 20
MAX_NODES = 10_000

Loc: TypeAlias = tuple[str | int, ...]
"""Where a value stands in the data: keys and list indices from the root."""

Mark: TypeAlias = tuple[int, int]
_REFUSED = "!refused"
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]{1,18}|0o[0-7]{1,20}|0x[0-9a-fA-F]{1,15}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_INF = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass
class Document:
    """A YAML file's data, with the position of every key and value and the problems so far.

    Attributes:
        shown: the file's path as it stands in messages.
        path: the file's path as it is opened.
        data: mappings (keys are always text), lists and scalars.
        problems: what is wrong, each with its position, in the order found.
        bad: places about which something was said already; what follows from them is not said.
    """

    shown: str
    path: Path
    data: object = None
    problems: list[tuple[Mark, Problem]] = field(default_factory=list)
    bad: set[Loc] = field(default_factory=set)
    keys: dict[Loc, Mark] = field(default_factory=dict)
    values: dict[Loc, Mark] = field(default_factory=dict)

    def report(self, mark: Mark, message: str, hint: str = "") -> None:
        """Adds a problem at a line and column."""
        line, column = mark
        self.problems.append((mark, Problem(f"{self.shown}:{line}:{column}", message, hint)))

    def report_at(self, loc: Loc, message: str, hint: str = "", *, key: bool = False) -> None:
        """Adds a problem at a place in the data: at its value, or at its key.

        Nothing is added where something was said before, at the place itself or around it.
        """
        if self.is_bad(loc):
            return
        self.bad.add(loc)
        self.report(self.mark(loc, key=key), message, hint)

    def is_bad(self, loc: Loc) -> bool:
        """Whether something was said already about a place or what it is part of."""
        return any(loc[:length] in self.bad for length in range(len(loc) + 1))

    def mark(self, loc: Loc, *, key: bool = False) -> Mark:
        """Line and column of a place, or of the nearest thing around it."""
        for length in range(len(loc), -1, -1):
            part = loc[:length]
            # What is missing inside a mapping is looked for at the mapping's name.
            first, second = (
                (self.keys, self.values) if key or length < len(loc) else (self.values, self.keys)
            )
            if part in first:
                return first[part]
            if part in second:
                return second[part]
        return (1, 1)

    def sorted_problems(self) -> list[Problem]:
        """The problems in the order in which they stand in the file."""
        return [problem for _, problem in sorted(self.problems, key=lambda item: item[0])]


class _Fatal(Exception):
    """Nothing behind this point can be read."""

    def __init__(self, mark: Mark, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.mark = mark
        self.hint = hint


def read_document(path: Path, display: str | None = None) -> Document:
    """Reads a YAML file whose root is a mapping.

    Args:
        path: the file to open.
        display: the path for messages; `path` as given if left out.

    Raises:
        InputError: the file cannot be read, is not YAML, or its root is not a mapping.
    """
    document = Document(display or str(path), path)
    raw = _read(document)
    try:
        text = _decode(raw)
        root = _compose(document, text)
    except _Fatal as fatal:
        document.report(fatal.mark, str(fatal), fatal.hint)
        raise InputError(document.sorted_problems()) from None
    if root is not None:
        document.data = _convert(document, root, ())
    if isinstance(document.data, dict):
        return document
    if document.data is None:
        document.report_at((), "the file is empty")
    elif not document.problems:
        document.report_at((), f"expected a mapping of keys, found {kind(document.data)}")
    raise InputError(document.sorted_problems())


def _read(document: Document) -> bytes:
    place, path = document.shown, document.path
    try:
        if path.is_dir():
            raise InputError([Problem(place, "is a directory", "name a YAML file in it")])
        if path.exists() and not path.is_file():
            # Opening a pipe or a device could block for ever.
            raise InputError([Problem(place, "is not a regular file")])
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError([Problem(place, "no such file", _neighbour(path))]) from None
    except (OSError, ValueError) as error:
        # ValueError: a path with a NUL byte in it.
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError([Problem(place, f"cannot be read: {reason}")]) from None
    if len(raw) > MAX_BYTES:
        raise InputError([Problem(place, f"is larger than {MAX_BYTES // 1024} KiB")])
    return raw


def _neighbour(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.suffix in (".yaml", ".yml")]
    except OSError:
        return f"there is no directory {shown(str(path.parent))}"
    return nearest(path.name, names)


def _decode(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        message = f"not text in UTF-8: byte 0x{raw[error.start]:02x}"
        raise _Fatal(_end_of(before), message) from None
    unprintable = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if unprintable is not None:
        message = f"not text: character U+{ord(unprintable.group()):04X}"
        raise _Fatal(_end_of(text[: unprintable.start()]), message)
    return text


def _end_of(text: str) -> Mark:
    return (text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1)


def _mark(thing: yaml.Node | yaml.Event) -> Mark:
    mark = thing.start_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


class _Composer(yaml.SafeLoader):
    """PyYAML's composer with limits; tags, anchors and aliases are reported and left out."""

    # Without resolvers every plain scalar stays text; _scalar() decides by YAML 1.2's rules.
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def __init__(self, document: Document, text: str) -> None:
        super().__init__(text)
        self.document = document
        self.depth = 0
        self.nodes = 0
        self.said_anchor = False

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        mark = _mark(event)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _Fatal(mark, f"more than {MAX_NODES} values")
        if self.depth > MAX_DEPTH:
            raise _Fatal(mark, f"nested deeper than {MAX_DEPTH} levels")
        if event.anchor is not None:
            if not self.said_anchor:
                message = "anchors and aliases (& and *) are not supported"
                self.document.report(mark, message, "write the value out, or put it in quotes")
            self.said_anchor = True
            event.anchor = None
        if isinstance(event, yaml.AliasEvent):
            self.get_event()  # type: ignore[no-untyped-call]
            refused = yaml.ScalarNode(_REFUSED, "")
            refused.start_mark = event.start_mark
            return refused
        tag, event.tag = event.tag, None
        self.depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        if tag is not None and node is not None:
            written = tag.replace("tag:yaml.org,2002:", "!!")
            self.document.report(mark, f"tags are not supported: {shown(written)}")
            node.tag = _REFUSED
        return node


def _compose(document: Document, text: str) -> yaml.Node | None:
    try:
        composer = _Composer(document, text)
        try:
            return composer.get_single_node()
        finally:
            composer.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        reason = error.problem or error.context
        if reason == "but found another document":
            raise _Fatal(where, "more than one YAML document in the file") from None
        hint = "indent with spaces" if reason is not None and r"'\t'" in reason else ""
        raise _Fatal(where, f"not valid YAML: {reason}", hint) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # PyYAML lets int() and chr() fail on absurd escapes and version directives.
        raise _Fatal((1, 1), f"not valid YAML: {error}") from None


def _convert(document: Document, node: yaml.Node, loc: Loc) -> object:
    document.values[loc] = _mark(node)
    if node.tag == _REFUSED:
        document.bad.add(loc)
        return None
    if isinstance(node, yaml.MappingNode):
        return _mapping(document, node, loc)
    if isinstance(node, yaml.SequenceNode):
        return [_convert(document, item, (*loc, index)) for index, item in enumerate(node.value)]
    value = _scalar(node)
    if value is None and loc:
        part = "key" if isinstance(loc[-1], str) else "entry"
        document.report_at(loc, "no value", f"write one, or leave the {part} out")
    if isinstance(value, str) and not value.replace("\n", "").isprintable():
        document.report_at(loc, f"text with unprintable characters: {shown(value)}")
    return value


def _mapping(document: Document, node: yaml.MappingNode, loc: Loc) -> dict[str, object]:
    data: dict[str, object] = {}
    for key_node, value_node in node.value:
        mark = _mark(key_node)
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == _REFUSED:
            document.report(mark, "a key must be plain text")
            continue
        key: str = key_node.value
        if key in data:
            line, _ = document.keys[(*loc, key)]
            document.report(mark, f"duplicate key {shown(key)}", f"first on line {line}")
            continue
        document.keys[(*loc, key)] = mark
        data[key] = _convert(document, value_node, (*loc, key))
    return data


def _scalar(node: yaml.Node) -> str | int | float | bool | None:
    text: str = node.value
    if not isinstance(node, yaml.ScalarNode) or node.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        # int(text, 0) would refuse the leading zeros that YAML allows.
        return int(text, 8 if text[1:2] == "o" else 16 if text[1:2] == "x" else 10)
    if _FLOAT.fullmatch(text) or _INF.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text
