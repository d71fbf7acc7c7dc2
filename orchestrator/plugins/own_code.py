"""Codecs, exchanges and programs that are not ours: what an experiment takes to its hosts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.plugins.kind import Kind
from orchestrator.plugins.plugin import Plugin
from workloads.library import CODECS, EXCHANGES, PROGRAMS


@dataclass(frozen=True)
class OwnCodec(Plugin[Any]):
    """A codec that is not ours."""

    kind = Kind("codec", "Codec", "workloads.codecs", CODECS, "dmlbed.codecs")


@dataclass(frozen=True)
class OwnExchange(Plugin[Any]):
    """An exchange that is not ours."""

    kind = Kind("exchange", "Exchange", "workloads.exchange", EXCHANGES, "dmlbed.exchanges")


@dataclass(frozen=True)
class OwnProgram(Plugin[Any]):
    """A program that is not ours."""

    kind = Kind("program", "Program", "workloads.programs", PROGRAMS, "dmlbed.programs")


@dataclass(frozen=True)
class OwnCode:
    """All that an experiment takes to its hosts, each by the name that files give it."""

    codecs: Mapping[str, OwnCodec] = field(default_factory=dict)
    exchanges: Mapping[str, OwnExchange] = field(default_factory=dict)
    programs: Mapping[str, OwnProgram] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Plugin[Any]]:
        """All of them."""
        yield from self.codecs.values()
        yield from self.exchanges.values()
        yield from self.programs.values()

    def joined(self, other: OwnCode) -> OwnCode:
        """What is in either of two."""
        return OwnCode(
            {**self.codecs, **other.codecs},
            {**self.exchanges, **other.exchanges},
            {**self.programs, **other.programs},
        )

    def digests(self) -> dict[str, str]:
        """Their digests, by kind and name."""
        return {f"{own.kind.noun} {own.name}": own.digest for own in self}
