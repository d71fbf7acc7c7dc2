"""From the text of a YAML file to PyYAML's nodes, within limits, and with aliases kept as such.

Tags are reported and left out. An alias becomes an `AliasNode`, which names its place and the node
that it stands for; nothing is expanded here.
"""

from __future__ import annotations

import re

import yaml

from orchestrator.spec.values.text import nearest, quoted
from orchestrator.spec.yaml.document import Document, Mark, Unreadable

MAX_DEPTH = 20
MAX_NODES = 10_000
REFUSED = "!refused"
"""The tag of a node with a problem that was reported already."""


class AliasNode(yaml.Node):
    """`*name`: its position, and the node that it refers to."""

    def __init__(self, target: yaml.Node, event: yaml.AliasEvent) -> None:
        super().__init__(target.tag, None, None, None)
        self.start_mark = event.start_mark
        self.target = target


def mark_of(thing: yaml.Node | yaml.Event) -> Mark:
    """Where a node or an event begins."""
    mark = thing.start_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


def compose(document: Document) -> yaml.Node | None:
    """The root node of the document's text; None if there is none.

    Raises:
        Unreadable: the text is not YAML, or it is too large or too deep.
    """
    try:
        composer = _Composer(document)
        try:
            return composer.get_single_node()
        finally:
            composer.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        reason = error.problem or error.context
        if reason == "but found another document":
            raise Unreadable(where, "more than one YAML document in the file") from None
        hint = "indent with spaces" if reason is not None and r"'\t'" in reason else ""
        raise Unreadable(where, f"not valid YAML: {reason}", hint) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # PyYAML lets int() and chr() fail on absurd escapes and version directives.
        raise Unreadable((1, 1), f"not valid YAML: {error}") from None


class _Composer(yaml.SafeLoader):
    """PyYAML's composer with limits, and with its own anchors.

    PyYAML's anchors would refuse one that is set anew, which YAML allows, and would let a node
    contain itself.
    """

    # Without resolvers every plain scalar stays text; its value is decided by YAML 1.2's rules.
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def __init__(self, document: Document) -> None:
        super().__init__(document.text)
        self.document = document
        self.depth = 0
        self.nodes = 0
        # None while the anchor's own node is being read.
        self.anchored: dict[str, yaml.Node | None] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        mark = mark_of(event)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise Unreadable(mark, f"more than {MAX_NODES} values")
        if self.depth > MAX_DEPTH:
            raise Unreadable(mark, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            self.get_event()  # type: ignore[no-untyped-call]
            return self._alias(event, mark)
        anchor, event.anchor = event.anchor, None
        if anchor is not None:
            self.anchored[anchor] = None
        tag, event.tag = event.tag, None
        self.depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        if tag is not None and node is not None:
            written = tag.replace("tag:yaml.org,2002:", "!!")
            self.document.report(mark, f"tags are not supported: {quoted(written)}")
            node.tag = REFUSED
        if anchor is not None:
            self.anchored[anchor] = node
        return node

    def _alias(self, event: yaml.AliasEvent, mark: Mark) -> yaml.Node:
        name = str(event.anchor)
        target = self.anchored.get(name)
        if target is not None:
            return AliasNode(target, event)
        if name in self.anchored:
            message = f"alias {quoted(f'*{name}')} is inside the node that it refers to"
            self.document.report(mark, message)
        else:
            near = nearest(name, self.anchored, else_list="anchors so far")
            hint = near or "text that begins with * needs quotes"
            self.document.report(mark, f"no anchor {quoted(f'&{name}')} before its alias", hint)
        refused = yaml.ScalarNode(REFUSED, "")
        refused.start_mark = event.start_mark
        return refused
