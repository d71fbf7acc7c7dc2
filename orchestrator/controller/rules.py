"""From demands and a class plan to the rules of every switch (pure).

Every demand has one rule per switch on its path, by the addresses of its two ends. The first switch
writes the DSCP of its class, whatever the host had there, unless the plan leaves that to the hosts;
the others only send it on, so a changed class plan changes one rule per demand. TCP answers, so
where nothing is demanded the way back, that way has rules, too, in no class. All else is dropped:
nothing is flooded and nothing learnt (the hosts' ARP entries are static), so loops do no harm.

Jobs on the same two hosts share a rule, by which their packets have no class; one that has a class
is told by its TCP port, at either end, with two more rules at the first switch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from orchestrator.controller.rule import DROP, FLOW_PRIORITY, JOB_PRIORITY, Rule
from orchestrator.spec import ClassPlan, Demand, Demands, path

Rules = dict[str, tuple[Rule, ...]]


def switch_rules(
    demands: Demands,
    plan: ClassPlan,
    addresses: Mapping[str, str],
    port_numbers: Mapping[tuple[str, str], int],
) -> Rules:
    """The rules of every switch, by its name.

    Args:
        addresses: the data address of every host.
        port_numbers: the OpenFlow number of every switch's port, by (switch, peer).
    """
    by_switch: dict[str, list[Rule]] = {name: [] for name in demands.topology.switches}
    for one in _both_ways(demands):
        for hop, port in enumerate(path(demands.topology, one.source, one.destination)[1:]):
            rule = Rule(
                flow=str(one),
                priority=FLOW_PRIORITY,
                src=addresses[one.source],
                dst=addresses[one.destination],
                dscp=plan.of(one) if hop == 0 else None,
                output=port_numbers[port.node, port.peer],
            )
            by_switch[port.node].append(rule)
            if hop == 0:
                by_switch[port.node].extend(_told_by_port(demands, one, plan, rule))
    return {name: (*rules, DROP) for name, rules in by_switch.items()}


def _both_ways(demands: Demands) -> Iterator[Demand]:
    """One of each two hosts, then the answers to those that nothing is demanded back from."""
    pairs = {(one.source, one.destination): one for one in demands}
    for one in pairs.values():
        same = demands.between(one.source, one.destination)
        if len(same) == 1:
            yield one
        else:
            yield Demand(one.source, one.destination, 0, "", " and ".join(map(str, same)))
    known = set(pairs)
    for one in demands:
        if (one.destination, one.source) not in known:
            yield Demand(one.destination, one.source, 0, "", f"answers to {one}")


def _told_by_port(demands: Demands, shared: Demand, plan: ClassPlan, rule: Rule) -> Iterator[Rule]:
    """Rules for those of several jobs on two hosts that are not in the class of the others."""
    same = demands.between(shared.source, shared.destination)
    for one in same if len(same) > 1 else ():
        dscp = plan.of(one)
        if one.port and dscp != rule.dscp:
            told = replace(rule, flow=str(one), priority=JOB_PRIORITY, dscp=dscp)
            yield replace(told, tcp_src=one.port)
            yield replace(told, tcp_dst=one.port)


def rule_differences(switch: str, asked: Iterable[Rule], kept: Iterable[Rule]) -> list[str]:
    """Where the rules that a switch kept differ from those it was asked for."""
    wanted = {rule.key: rule for rule in asked}
    have = {rule.key: rule for rule in kept}
    differences = []
    for key, rule in wanted.items():
        held = have.get(key)
        if held is None:
            differences.append(f"{switch}: the rule {rule} is not there")
        elif held.effect != rule.effect:
            differences.append(f"{switch}: asked the rule {rule}, kept {held}")
    differences += [
        f"{switch}: a rule that nobody asked for: {have[k]}" for k in have if k not in wanted
    ]
    return differences
