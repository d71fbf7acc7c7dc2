"""ASCII in place of characters that an encoding lacks."""

from __future__ import annotations

import codecs
import unicodedata

HANDLER = "dmlbed-plain"
"""Name of the error handler for `str.encode`; `register` makes it known."""

_PLAIN = {
    "…": "...", "±": "+-", "×": "x", "✕": "x", "µ": "u", "≤": "<=", "≥": ">=", "→": "->",  # noqa: RUF001
    "←": "<-", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "•": "*",  # noqa: RUF001
}  # fmt: skip
_HORIZONTAL = "─━┄┅┈┉╌╍═╴╶╸╺╼╾"
_VERTICAL = "│┃┆┇┊┋╎╏║╵╷╹╻╽╿"


def plain(character: str) -> str:
    """A character's replacement in ASCII; `?` if there is none."""
    if character in _PLAIN:
        return _PLAIN[character]
    if character in _HORIZONTAL:
        return "-"
    if character in _VERTICAL:
        return "|"
    if "─" <= character <= "╿":
        return "+"
    parts = unicodedata.normalize("NFKD", character)
    return "".join(part for part in parts if part.isascii()) or "?"


def written(text: str, encoding: str) -> str:
    """The text as it is written in an encoding: to be laid out with the width that it will have."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(one if _has(encoding, one) else plain(one) for one in text)
    return text


def register() -> None:
    """Make the error handler known: ASCII for what is lacking, and file names byte for byte."""
    codecs.register_error(HANDLER, _replace)


def _has(encoding: str, character: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return _byte(character) is not None
    return True


def _replace(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start]
    byte = _byte(lacking)
    return plain(lacking) if byte is None else byte, error.start + 1


def _byte(character: str) -> bytes | None:
    """The undecodable byte of a file name, as Python carries it in a string."""
    return bytes([ord(character) - 0xDC00]) if "\udc80" <= character <= "\udcff" else None
