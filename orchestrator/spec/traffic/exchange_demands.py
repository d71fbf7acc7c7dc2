"""What the exchange of a schedule demands of a network: asked of its class, and checked."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from itertools import permutations
from typing import Any

from orchestrator.plugins import OwnCode, PluginError, users_code
from orchestrator.spec.placement import Placement
from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.demands import Demand, Demands
from orchestrator.spec.traffic.members import members_of
from orchestrator.spec.traffic.server_exchange import exchange_of
from workloads.errors import raised_by
from workloads.exchange.demand import server_demands
from workloads.library import EXCHANGES, PARAMETER_SERVER
from workloads.models.profiles import Model
from workloads.schedule.owners import server_shares
from workloads.schedule.schedule import Schedule

_REMEMBERED = 64  # topologies, or sizes of models on them: a sweep has a few dozen


def exchange_class(exchange: str, code: OwnCode) -> Any:
    """What says an exchange's programs and demands: its class, or an object of it.

    Raises:
        PluginError: it is user-defined, and cannot be imported any more.
    """
    if exchange in code.exchanges:
        return code.exchanges[exchange].instance
    module, _, name = EXCHANGES[exchange].partition(":")
    return getattr(importlib.import_module(module), name)


def demands_under(
    schedule: Schedule, code: OwnCode, topology: Topology, placement: Placement, model: Model
) -> Demands:
    """What a schedule's exchange demands of a network for a model.

    Where it does not say, every host that takes part may send to every other one; the demands are
    then not `declared`.

    Raises:
        PluginError: it is user-defined, and raises or answers nonsense.
        ValueError: there are fewer parameter servers than the schedule shares the model between.
    """
    exchange = schedule.exchange
    if schedule.one_server:  # without an import of the hosts' part
        return exchange_of(topology, placement).demands_of(model.bytes)
    members = members_of(topology, placement, schedule)
    if exchange == PARAMETER_SERVER:
        shares = server_shares(members, model)
        return _made(topology, server_demands(shares, members.workers))
    kind = exchange_class(exchange, code)
    try:
        with users_code():
            answer = kind.demands(members, model)
            demands = tuple(answer) if isinstance(answer, Iterable) else None
    except Exception as error:
        why = f"raised {raised_by(kind.demands, error)}"
        raise PluginError(f"exchange {exchange!r}: demands() {why}") from error
    if demands is None and answer is not None:
        why = f"returned {answer!r}, and no list of Demand (it is empty if nobody sends anything)"
        raise PluginError(f"exchange {exchange!r}: demands() {why}")
    if demands is None:
        return _any_demands(topology, placement)
    wrong = _wrong(demands, {*placement.servers, *placement.workers})
    if not wrong:
        try:
            return _made(topology, demands)
        except ValueError as error:
            wrong = str(error)
    raise PluginError(f"exchange {exchange!r}: demands() returned something impossible: {wrong}")


def on_average(demands: Demands, every: int) -> Demands:
    """What is demanded in an iteration, if one in `every` exchanges: here, and nowhere else.

    An exchange says what it demands when it exchanges.
    """
    if every == 1 or not demands.declared:
        return demands
    less = (replace(one, bytes=-(-one.bytes // every)) for one in demands)
    return _made(demands.topology, tuple(less))


def _wrong(demands: Iterable[Any], hosts: set[str]) -> str:
    """What is wrong with demands, each for itself; empty: nothing."""
    for one in demands:
        if not isinstance(one, Demand):
            return f"{one!r} is no Demand"
        for end in (one.source, one.destination):
            if end not in hosts:
                return f"{one}: {end!r} is not one of the hosts that it was given"
        if one.source == one.destination:
            return f"{one}: a host sends to itself"
        if not isinstance(one.bytes, int) or one.bytes < 0:
            return f"{one}: bytes must be a whole number, at least 0, found {one.bytes!r}"
    return ""


@lru_cache(maxsize=_REMEMBERED)
def _made(topology: Topology, demands: tuple[Demand, ...]) -> Demands:
    checked = Demands(topology, demands)
    checked.paths  # noqa: B018 (there must be one for each)
    return checked


@lru_cache(maxsize=_REMEMBERED)
def _any_demands(topology: Topology, placement: Placement) -> Demands:
    hosts = dict.fromkeys((*placement.servers, *placement.workers))
    pairs = (Demand(one, other, 0) for one, other in permutations(hosts, 2))
    return Demands(topology, tuple(pairs), declared=False)
