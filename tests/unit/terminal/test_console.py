"""How wide a console is, and that it shows text as it is."""

from __future__ import annotations

import io
import os
import pty
import sys

import pytest

from orchestrator.terminal.console import NO_EDGE, answers, say


@pytest.mark.parametrize(
    ("columns", "width"),
    [("", NO_EDGE), ("40", 40), ("0", NO_EDGE), ("wide", NO_EDGE), ("-5", NO_EDGE), ("²", NO_EDGE)],
)
def test_a_pipe_has_no_edge_unless_it_is_said(
    columns: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert answers().width == width


def test_names_are_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    text = "run: /tmp/[bold]/:smile:/[/red] " + "x" * 200
    say(answers(), text)
    assert isinstance(sys.stdout, io.StringIO)
    assert sys.stdout.getvalue() == text + "\n"


def test_a_terminal_of_no_size_is_one_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    monkeypatch.setenv("COLUMNS", "0")
    monkeypatch.setenv("TERM", "xterm")
    with open(theirs, "w") as terminal, open(ours, "rb"):
        # rich asks descriptors 0 to 2, which may be a terminal that does have a size.
        monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((0, 0)))
        monkeypatch.setattr(sys, "stdout", terminal)
        assert answers().width == 80
