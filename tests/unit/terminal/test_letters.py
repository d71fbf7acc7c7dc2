"""ASCII replaces what an encoding lacks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.terminal.letters import HANDLER, plain, register, written

register()


@pytest.mark.parametrize(
    ("character", "ascii_only"),
    [("±", "+-"), ("…", "..."), ("→", "->"), ("━", "-"), ("┃", "|"), ("╇", "+"), ("é", "e"),
     ("✕", "x"), ("日", "?")],
)  # fmt: skip
def test_what_stands_for_a_character(character: str, ascii_only: str) -> None:
    assert plain(character) == ascii_only
    assert character.encode("ascii", HANDLER) == ascii_only.encode()


def test_what_the_encoding_has_stays() -> None:
    assert written("±0.1 … é", "latin-1") == "±0.1 ... é"
    assert "±0.1 … é".encode("latin-1", HANDLER) == "±0.1 ... é".encode("latin-1")
    assert written("±0.1 … é", "utf-8") == "±0.1 … é"


def test_a_file_name_that_is_no_text_is_written_byte_for_byte() -> None:
    name = b"run-\xff".decode("utf-8", "surrogateescape")
    for encoding in ("utf-8", "ascii", "latin-1"):
        assert name.encode(encoding, HANDLER) == b"run-\xff"
        assert written(name, encoding) == name


@given(st.text(), st.sampled_from(["ascii", "latin-1", "utf-8"]))
def test_everything_can_be_written(text: str, encoding: str) -> None:
    assert len(text.encode(encoding, HANDLER)) >= len(text) - sum(map(_combining, text))


def _combining(character: str) -> bool:
    """Whether nothing is left of it in ASCII."""
    return plain(character) == ""
