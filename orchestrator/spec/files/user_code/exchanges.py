"""What is wrong with a user-defined exchange, as far as it shows before a run."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from orchestrator.plugins import OwnCode, OwnExchange, users_code
from orchestrator.spec.traffic.exchange_demands import exchange_class
from workloads.errors import nearest, raised_by
from workloads.library import PARAMETER_SERVER
from workloads.schedule.members import Members
from workloads.schedule.schedule import CHOICES, Schedule, chosen

_RETURNS = {
    "wait": "the layer, and when its parameters came (ns; 0: they were there)",
    "more": "whether the worker does the iteration",
    "programs": "programs by the names of hosts",
}
"""The methods that must return something, and what."""


def wrong_exchange(exchange: OwnExchange, schedule: Schedule) -> str:
    """What is wrong with an exchange under a schedule; empty: nothing that shows here."""
    problems = (*_wrong_methods(exchange), _wrong_choices(exchange, schedule))
    return next(filter(None, problems), "") or _wrong_programs(exchange)


def programs_tried(exchange: OwnExchange) -> Mapping[str, str]:
    """The programs that an exchange names for a server and a worker."""
    members = Members(("ps",), ("worker",))
    programs: Mapping[str, str] = exchange.instance.programs(members)
    return programs


def _wrong_methods(exchange: OwnExchange) -> Iterator[str]:
    """How methods differ from those that they override."""
    base, own = exchange.kind.base, type(exchange.instance)
    for name, member in vars(base).items():
        expected = getattr(member, "__func__", member)
        if name.startswith("_") or not inspect.isfunction(expected):
            continue
        which = f"exchange {exchange.name!r}: {name}()"
        method = getattr(exchange.instance, name)
        if not callable(method):
            yield f"{which} is no method"
            continue
        if inspect.getattr_static(own, name) is inspect.getattr_static(base, name):
            continue
        names = list(inspect.signature(expected).parameters)[1:]
        try:
            inspect.signature(method).bind(*names)
        except TypeError:
            asked = ", ".join(names)
            yield f"{which} must take ({asked}), found {inspect.signature(method)}"
        except ValueError:  # it is not written in Python
            continue
        if name in _RETURNS and _returns_nothing(method):
            yield f"{which} returns nothing; it must return {_RETURNS[name]}"


def _returns_nothing(method: Callable[..., Any]) -> bool:
    """Whether no way through a function written in Python returns or raises anything."""
    try:
        (function,) = ast.parse(textwrap.dedent(inspect.getsource(method))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return False
    ends = [node for node in ast.walk(function) if isinstance(node, ast.Return | ast.Raise)]
    return isinstance(function, ast.FunctionDef) and not any(
        isinstance(node, ast.Raise) or node.value is not None for node in ends
    )


def _wrong_choices(exchange: OwnExchange, schedule: Schedule) -> str:
    """Which choice of a schedule an exchange does not heed."""
    which = f"exchange {exchange.name!r}"
    try:
        honoured = frozenset(exchange.instance.honours)
    except TypeError:
        return f"{which}: honours must be a set of choices"
    for name in sorted(map(str, honoured - CHOICES)):
        hint = nearest(name, CHOICES, else_list="choices")
        return f"{which}: honours names no choice with {name!r} ({hint})"
    ignored = _ignored(honoured, schedule)
    return f"{which} {ignored}: leave that out, or name it in its `honours`" if ignored else ""


def ignored_by_ours(schedule: Schedule) -> str:
    """Which choice of a schedule its exchange, one of the library, does not heed; or empty."""
    if schedule.exchange == PARAMETER_SERVER:
        return ""
    honoured: frozenset[str] = exchange_class(schedule.exchange, OwnCode()).honours
    ignored = _ignored(honoured, schedule)
    return f"exchange {schedule.exchange!r} {ignored}: leave that out" if ignored else ""


def _ignored(honoured: Collection[str], schedule: Schedule) -> str:
    ignored = [choice for choice in chosen(schedule) if choice not in honoured]
    return f"does not heed {', '.join(ignored)}" if ignored else ""


def _wrong_programs(exchange: OwnExchange) -> str:
    which = f"exchange {exchange.name!r}: programs()"
    try:
        with users_code():
            programs = programs_tried(exchange)
    except Exception as error:  # noqa: BLE001 (anybody's code)
        return f"{which} raised {raised_by(exchange.instance.programs, error)}"
    if not isinstance(programs, Mapping) or not set(programs) <= {"ps", "worker"}:
        return f"{which} must return programs by the names of hosts that it was given"
    if "worker" not in programs:
        return f"{which} names no program for workers"
    return ""
