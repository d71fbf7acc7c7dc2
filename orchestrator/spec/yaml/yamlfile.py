"""Reads a YAML file into plain data that remembers every position.

Three things differ from `yaml.safe_load`, to avoid surprises:

* Plain scalars follow the core schema of YAML 1.2: `no` and `1:30` are text, `0x10` is 16.
* Duplicate keys, empty values and tags are problems, and each knows its place.
* Size, depth and the number of values are limited, aliases written out, so that no file can hang
  the program.

Anchors, aliases and merge keys (`<<`) are as everywhere: a key beside `<<` comes before a merged
one, and of several merged mappings the first one that has a key.

What is wrong in one place does not hide what is wrong in another, unless the text is not YAML at
all: a parser cannot read on after that.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from orchestrator.errors import InputError, Problem
from orchestrator.spec.values.text import kind, nearest, quoted
from orchestrator.spec.yaml.document import Document, Loc, Mark, Unreadable
from orchestrator.spec.yaml.yaml_nodes import (
    MAX_DEPTH,
    MAX_NODES,
    REFUSED,
    AliasNode,
    compose,
    mark_of,
)

MAX_BYTES = 1024 * 1024

_MERGE = "<<"
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]{1,18}|0o[0-7]{1,20}|0x[0-9a-fA-F]{1,15}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_INF = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def read_document(path: Path, display: str, *, stdin: bool = False) -> Document:
    """Reads a YAML file whose root is a mapping.

    Args:
        path: the file to open; what it names is looked for from its directory.
        display: the path for messages.
        stdin: read standard input instead.

    Raises:
        InputError: the file cannot be read, is not YAML, or its root is not a mapping.
    """
    document = Document(display, path)
    raw = _read_stdin(display) if stdin else _read(document)
    try:
        document.text = _decode(raw)
        root = compose(document)
        if root is not None:
            document.data = _Converter(document).value(root, ())
    except Unreadable as fatal:
        document.report(fatal.mark, str(fatal), fatal.hint)
        raise InputError(document.sorted_problems()) from None
    if isinstance(document.data, dict):
        return document
    if document.data is None:
        document.report_at((), "the file is empty")
    elif not document.problems:
        document.report_at((), f"expected a mapping of keys, found {kind(document.data)}")
    raise InputError(document.sorted_problems())


def _read(document: Document) -> bytes:
    place, path = document.display_path, document.path
    try:
        if path.is_dir():
            raise InputError([Problem(place, "is a directory", "name a YAML file in it")])
        if path.exists() and not path.is_file():
            # Opening a pipe or a device could block for ever.
            hint = "- reads standard input"
            raise InputError([Problem(place, "is not a regular file", hint)])
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError([Problem(place, "no such file", _neighbour(path))]) from None
    except (OSError, ValueError) as error:
        # ValueError: a path with a NUL byte in it.
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError([Problem(place, f"cannot be read: {reason}")]) from None
    return _bounded(raw, place)


def _read_stdin(place: str) -> bytes:
    # `scripts/dmlbed` closes a directory.
    if sys.stdin is None:
        raise InputError([Problem(place, "is closed, or a directory", "name a file")])
    try:
        return _bounded(sys.stdin.buffer.read(MAX_BYTES + 1), place)
    except OSError as error:
        raise InputError([Problem(place, f"cannot be read: {error.strerror}")]) from None


def _bounded(raw: bytes, place: str) -> bytes:
    if len(raw) > MAX_BYTES:
        raise InputError([Problem(place, f"is larger than {MAX_BYTES // 1024} KiB")])
    return raw


def _neighbour(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.suffix in (".yaml", ".yml")]
    except OSError:
        return f"there is no directory {quoted(str(path.parent))}"
    return nearest(path.name, names)


def _decode(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        message = f"not text in UTF-8: byte 0x{raw[error.start]:02x}"
        raise Unreadable(_end_of(before), message) from None
    unprintable = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if unprintable is not None:
        message = f"not text: character U+{ord(unprintable.group()):04X}"
        raise Unreadable(_end_of(text[: unprintable.start()]), message)
    return _without_tabs_of_json(text)


def _without_tabs_of_json(text: str) -> str:
    """The text; of JSON with a space for each tab, which PyYAML takes nowhere.

    All of them are between values: within JSON's strings a tab is written as an escape.
    """
    if "\t" not in text or not text.lstrip().startswith("{"):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text.replace("\t", " ")


def _end_of(text: str) -> Mark:
    return (text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1)


class _Converter:
    """Nodes to plain data, aliases written out and merge keys merged."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._values = 0

    def value(self, node: yaml.Node, loc: Loc) -> object:
        """The data of a node; its places and what is wrong with it go to the document."""
        document = self._document
        mark = mark_of(node)
        self._count(mark)
        if len(loc) > MAX_DEPTH:
            raise Unreadable(mark, f"nested deeper than {MAX_DEPTH} levels, aliases written out")
        document.values[loc] = mark
        if isinstance(node, AliasNode):
            document.used.setdefault(loc, mark)
            node = node.target
        if node.tag == REFUSED:
            document.bad.add(loc)
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, loc)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*loc, index)) for index, item in enumerate(node.value)]
        value = _scalar(node)
        if value is None and loc:
            part = "key" if isinstance(loc[-1], str) else "entry"
            document.report_at(loc, "no value", f"write one, or leave the {part} out")
        if isinstance(value, str) and not value.replace("\n", "").isprintable():
            document.report_at(loc, f"text with unprintable characters: {quoted(value)}")
        return value

    def _count(self, mark: Mark) -> None:
        self._values += 1
        if self._values > MAX_NODES:
            raise Unreadable(mark, f"more than {MAX_NODES} values, aliases written out")

    def _mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, object]:
        document = self._document
        entries: dict[str, _Entry] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            mark = mark_of(key_node)
            key = _key(key_node)
            if key is None:
                document.report(mark, "a key must be plain text")
                continue
            if key in lines:
                several = "; one with a list merges several" if _is_merge(key_node) else ""
                hint = f"first on line {lines[key]}{several}"
                document.report(mark, f"duplicate key {quoted(key)}", hint)
                continue
            lines[key] = mark[0]
            if _is_merge(key_node):
                for name, entry in self._merged(value_node, loc):
                    entries.setdefault(name, replace(entry, user=mark_of(value_node)))
            else:
                # In the place of one that was merged: a mapping's order may mean something.
                entries[key] = _Entry(key_node, value_node)
        data: dict[str, object] = {}
        for key, entry in entries.items():
            place: Loc = (*loc, key)
            document.keys[place] = mark_of(entry.key)
            if entry.user is not None:
                document.used[place] = entry.user
            data[key] = self.value(entry.value, place)
        return data

    def _merged(self, node: yaml.Node, loc: Loc) -> Iterator[tuple[str, _Entry]]:
        """The entries that the value of a merge key brings; those that come first count."""
        listed = _target(node)
        nodes = listed.value if isinstance(listed, yaml.SequenceNode) else [node]
        for one in nodes:
            target = _target(one)
            if isinstance(target, yaml.MappingNode):
                yield from self._entries(target, mark_of(one), 0)
                continue
            # What the mapping lacks may be what this was to bring.
            self._document.bad.add(loc)
            if target.tag != REFUSED:
                message = "'<<' merges a mapping or a list of mappings"
                hint = "put it in quotes if you mean a key of that name"
                self._document.report(mark_of(one), message, hint)

    def _entries(
        self, node: yaml.MappingNode, mark: Mark, depth: int
    ) -> Iterator[tuple[str, _Entry]]:
        """A mapping's own entries, and then those that it merges itself.

        Problems with them are reported at the mapping.
        """
        self._count(mark)
        if depth > MAX_DEPTH:
            raise Unreadable(mark, f"merged deeper than {MAX_DEPTH} levels")
        merged = []
        for key_node, value_node in node.value:
            self._count(mark)
            key = _key(key_node)
            if key is None:
                continue
            if not _is_merge(key_node):
                yield key, _Entry(key_node, value_node)
                continue
            listed = _target(value_node)
            nodes = listed.value if isinstance(listed, yaml.SequenceNode) else [listed]
            merged += [_target(one) for one in nodes]
        for one in merged:
            if isinstance(one, yaml.MappingNode):
                yield from self._entries(one, mark, depth + 1)


@dataclass(frozen=True)
class _Entry:
    """One entry of a mapping, and the alias's position if a merge key brought it."""

    key: yaml.Node
    value: yaml.Node
    user: Mark | None = None


def _target(node: yaml.Node) -> yaml.Node:
    return node.target if isinstance(node, AliasNode) else node


def _key(node: yaml.Node) -> str | None:
    """The text of a key; None if it is none."""
    node = _target(node)
    if not isinstance(node, yaml.ScalarNode) or node.tag == REFUSED:
        return None
    key: str = node.value
    return key


def _is_merge(key: yaml.Node) -> bool:
    return isinstance(key, yaml.ScalarNode) and key.style is None and key.value == _MERGE


def _scalar(node: yaml.Node) -> str | int | float | bool | None:
    text: str = node.value
    if not isinstance(node, yaml.ScalarNode) or node.style is not None:
        return _paired(text)
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        # int(text, 0) would refuse the leading zeros that YAML allows.
        return int(text, 8 if text[1:2] == "o" else 16 if text[1:2] == "x" else 10)
    if _FLOAT.fullmatch(text) or _INF.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _paired(text: str) -> str:
    """Text in which JSON's escape for a character beyond U+FFFF, two of them, is that character."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return text
