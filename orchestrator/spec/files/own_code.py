"""User-defined codecs, exchanges and programs of custom schedules: find and try them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from orchestrator.plugins import (
    OwnCode,
    OwnCodec,
    OwnExchange,
    OwnProgram,
    Plugin,
    PluginError,
    users_code,
)
from orchestrator.spec.yaml.document import Document, Loc
from workloads.errors import WorkloadError, raised_by
from workloads.schedule.library import Schedule

P = TypeVar("P", bound=Plugin[Any])

TRIED_VALUES = (1, 7, 1000, 65536)
"""Of chunks that a codec is tried with: 65,536 are the most."""


def own_code(document: Document, schedules: Mapping[str, Schedule]) -> OwnCode:
    """The user-defined codecs, exchanges and programs that custom schedules name.

    Adds a problem for each that cannot be found, is none of its kind, or fails when it is tried.
    """
    codecs: dict[str, OwnCodec] = {}
    exchanges: dict[str, OwnExchange] = {}
    programs: dict[str, OwnProgram] = {}
    for name, schedule in schedules.items():
        loc: Loc = ("custom_schedules", name)
        codec = _found(document, (*loc, "codec"), OwnCodec, schedule.codec)
        if codec is not None:
            codecs[codec.name] = codec
            _report(document, (*loc, "codec"), _codec_problem(codec))
        exchange = _found(document, (*loc, "exchange"), OwnExchange, schedule.exchange)
        if exchange is None:
            continue
        exchanges[exchange.name] = exchange
        problem = _exchange_problem(exchange)
        _report(document, (*loc, "exchange"), problem)
        for program in () if problem else sorted(set(_programs(exchange).values())):
            own = _found(document, (*loc, "exchange"), OwnProgram, program)
            if own is not None:
                programs[program] = own
    return OwnCode(codecs, exchanges, programs)


def _found(document: Document, loc: Loc, kind: type[P], name: str) -> P | None:
    """The one of that name; None if it is one of ours, or there is none, which is a problem."""
    if name in kind.kind.library:
        return None
    try:
        return kind.find(name, document.path.parent)
    except PluginError as error:
        document.report_at(loc, error.message, error.hint)
        return None


def _report(document: Document, loc: Loc, problem: str) -> None:
    if problem:
        document.report_at(loc, problem)


def _codec_problem(codec: OwnCodec) -> str:
    """What is wrong with a codec, as far as trying it tells; empty: nothing."""
    # Only here: most experiments have no user-defined codec, and are loaded fast.
    import numpy as np

    from workloads.codecs.coding import Coding
    from workloads.schedule.units import Chunk

    coding = Coding(codec.name, codec.instance)
    for number, elements in enumerate(TRIED_VALUES):
        values = np.random.default_rng(number).standard_normal(elements, np.float32)
        chunk = Chunk(number, 0, 0, values.nbytes, 0, 0)
        out = np.full(elements, np.nan, np.float32)
        try:
            with users_code():
                payload = coding.encode(chunk, values)
                coding.decode(chunk, memoryview(bytes(payload)), out)
        except WorkloadError as error:
            return f"{error} (tried with {elements} values)"
        wrong = int(np.isnan(out).sum())
        if wrong:
            return f"codec {codec.name!r}: decode() left {wrong} of {elements} values unwritten"
        if coding.exact and out.tobytes() != values.tobytes():
            return (
                f"codec {codec.name!r} says that it is exact, but decode() does not restore what "
                f"encode() was given (tried with {elements} values)"
            )
    return ""


def _exchange_problem(exchange: OwnExchange) -> str:
    """What is wrong with the programs that an exchange names; empty: nothing."""
    which = f"exchange {exchange.name!r}: programs()"
    try:
        with users_code():
            programs = _programs(exchange)
    except Exception as error:  # noqa: BLE001 (anybody's code)
        return f"{which} raised {raised_by(exchange.instance.programs, error)}"
    if not isinstance(programs, Mapping) or not set(programs) <= {"ps", "worker"}:
        return f"{which} must return programs by the names of hosts that it was given"
    if "worker" not in programs:
        return f"{which} names no program for workers"
    return ""


def _programs(exchange: OwnExchange) -> Mapping[str, str]:
    found: Mapping[str, str] = exchange.instance.programs(("ps",), ("worker",))
    return found
