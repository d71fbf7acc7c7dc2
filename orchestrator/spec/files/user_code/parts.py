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
from orchestrator.spec.files.user_code.exchanges import (
    ignored_by_ours,
    programs_tried,
    wrong_exchange,
)
from orchestrator.spec.yaml.document import Document, Loc
from workloads.errors import WorkloadError
from workloads.library import EXCHANGES
from workloads.schedule.codec_names import is_library
from workloads.schedule.schedule import Schedule

if TYPE_CHECKING:
    from workloads.codecs import Floats, Part
    from workloads.codecs.coding import Coding

P = TypeVar("P", bound=Plugin[Any])

TRIED_VALUES = (1, 7, 1000, 65536)
"""Of parts that a codec is tried with."""


def own_code(document: Document, schedules: Mapping[str, Schedule]) -> OwnCode:
    """The user-defined codecs, exchanges and programs that custom schedules name.

    Adds a problem for each that cannot be found, is none of its kind, or fails when it is tried.
    """
    codecs: dict[str, OwnCodec] = {}
    exchanges: dict[str, OwnExchange] = {}
    programs: dict[str, OwnProgram] = {}
    for name, schedule in schedules.items():
        loc: Loc = ("custom_schedules", name)
        for key, codec_name in _codec_keys(schedule).items():
            codec = _found(document, (*loc, key), OwnCodec, codec_name)
            if codec is not None:
                codecs[codec.name] = codec
                _report(document, (*loc, key), _codec_problem(codec, schedule))
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


def _codec_keys(schedule: Schedule) -> Mapping[str, str]:
    """The keys of a custom schedule that name a codec which is not ours, and the name."""
    keys = {"push_codec": schedule.push_codec, "pull_codec": schedule.pull_codec}
    if len(set(keys.values())) == 1:
        keys = {"codec": schedule.push_codec}
    return {key: name for key, name in keys.items() if not is_library(name)}


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


def _codec_problem(codec: OwnCodec, schedule: Schedule) -> str:
    """What is wrong with a codec, as far as trying it tells; empty: nothing."""
    # Only here: most experiments have no user-defined codec, and are loaded fast.
    import numpy as np

    from workloads.codecs.coding import Coding
    from workloads.codecs.part import Part

    if codec.instance.needs_whole and schedule.slice_bytes is not None:
        return f"codec {codec.name!r} codes whole tensors: leave slice out"
    coding = Coding(codec.name, codec.instance)
    for number, elements in enumerate(TRIED_VALUES):
        values = np.random.default_rng(number).standard_normal(elements, np.float32)
        part = Part(number, elements, elements)
        out = np.full(elements, np.nan, np.float32)
        try:
            with users_code():
                payload = coding.encode(part, values)
                coding.decode(part, memoryview(bytes(payload)), out)
                problem = _not_additive(coding, part, values) if coding.additive else ""
        except WorkloadError as error:
            return f"{error} (tried with {elements} values)"
        if problem:
            return f"{problem} (tried with {elements} values)"
        wrong = int(np.isnan(out).sum())
        if wrong:
            left = f"decode() left {wrong} of {elements} values unwritten"
            return f"codec {codec.name!r}: {left} (assign to `out[:]`, not to `out`)"
        if coding.exact and out.tobytes() != values.tobytes():
            return (
                f"codec {codec.name!r} says that it is exact, but decode() does not restore what "
                f"encode() was given (tried with {elements} values)"
            )
    return ""


def _not_additive(coding: Coding, part: Part, values: Floats) -> str:
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
        payloads.append(bytes(coding.encode(part, each)))
        coding.decode(part, memoryview(payloads[-1]), one)
        expected += one
    first, second = payloads
    if len(first) != len(second) or len(first) % values.itemsize:
        return f"{which} its payloads are not float32 numbers, as many in each"
    added = np.frombuffer(first, np.float32) + np.frombuffer(second, np.float32)
    coding.decode(part, memoryview(added.tobytes()), total)
    if not np.allclose(total, expected, rtol=1e-5, atol=1e-5):
        return f"{which} the sum of two payloads does not decode to the sum of their values"
    return ""
