"""User-defined codecs, exchanges and programs of custom schedules: find and try them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator.plugins import (
    OwnCode,
    OwnCodec,
    OwnExchange,
    OwnProgram,
    Plugin,
    PluginError,
    users_code,
)
from orchestrator.spec.files.own_exchange import ignored_by_ours, programs_tried, wrong_exchange
from orchestrator.spec.yaml.document import Document, Loc
from workloads.errors import WorkloadError
from workloads.library import EXCHANGES
from workloads.schedule.library import Schedule

if TYPE_CHECKING:
    from workloads.codecs import Chunk, Floats
    from workloads.codecs.coding import Coding

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
            if schedule.exchange in EXCHANGES:
                _report(document, (*loc, "exchange"), ignored_by_ours(schedule))
            continue
        exchanges[exchange.name] = exchange
        problem = wrong_exchange(exchange, schedule)
        _report(document, (*loc, "exchange"), problem)
        for program in () if problem else sorted(set(programs_tried(exchange).values())):
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
                problem = _not_additive(coding, chunk, values) if coding.additive else ""
        except WorkloadError as error:
            return f"{error} (tried with {elements} values)"
        if problem:
            return f"{problem} (tried with {elements} values)"
        wrong = int(np.isnan(out).sum())
        if wrong:
            return f"codec {codec.name!r}: decode() left {wrong} of {elements} values unwritten"
        if coding.exact and out.tobytes() != values.tobytes():
            return (
                f"codec {codec.name!r} says that it is exact, but decode() does not restore what "
                f"encode() was given (tried with {elements} values)"
            )
    return ""


def _not_additive(coding: Coding, chunk: Chunk, values: Floats) -> str:
    """Why payloads of a codec that says so may not be added undecoded; empty: they may.

    The sum is compared with that of the decoded values: what coding loses is no fault here.
    """
    import numpy as np

    which = f"codec {coding.name!r} says that it is additive, but"
    other = np.ascontiguousarray(values[::-1] * np.float32(0.5))
    total, one = np.empty_like(values), np.empty_like(values)
    expected = np.zeros_like(values)
    payloads = []
    for each in (values, other):
        payloads.append(bytes(coding.encode(chunk, each)))
        coding.decode(chunk, memoryview(payloads[-1]), one)
        expected += one
    first, second = payloads
    if len(first) != len(second) or len(first) % values.itemsize:
        return f"{which} its payloads are not float32 numbers, as many in each"
    added = np.frombuffer(first, np.float32) + np.frombuffer(second, np.float32)
    coding.decode(chunk, memoryview(added.tobytes()), total)
    if not np.allclose(total, expected, rtol=1e-5, atol=1e-5):
        return f"{which} the sum of two payloads does not decode to the sum of their values"
    return ""
