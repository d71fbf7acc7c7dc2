"""What a figure says in words, and its files: for those who draw and for those who only write."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Caption:
    """The text around a figure's panels.

    Attributes:
        title: the line above the panels.
        text: what was measured, how and how well, below the panels. Both are wrapped.
    """

    title: str
    text: str


@dataclass(frozen=True)
class Images:
    """The files' contents."""

    png: bytes
    svg: bytes
