"""From a topology and a class plan to the rules of every switch (pure).

Every flow between the parameter server and a worker has one rule per switch on its path, by the
addresses of its two ends. The first switch writes the flow's DSCP, whatever the host had there,
unless the plan leaves that to the hosts; the others only send it on, so a changed class plan
changes one rule per flow. All else is dropped:
nothing is flooded and nothing learnt (the hosts' ARP entries are static), so loops do no harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator.controller.rule import DROP, FLOW_PRIORITY, Rule
from orchestrator.spec import ClassPlan, Topology, flow_path, flows

Rules = dict[str, tuple[Rule, ...]]


def switch_rules(
    topology: Topology,
    plan: ClassPlan,
    addresses: Mapping[str, str],
    port_numbers: Mapping[tuple[str, str], int],
) -> Rules:
    """The rules of every switch, by its name.

    Args:
        addresses: the data address of every host.
        port_numbers: the OpenFlow number of every switch's port, by (switch, peer).
    """
    found: dict[str, list[Rule]] = {name: [] for name in topology.switches}
    for flow in flows(topology):
        path = flow_path(topology, flow)
        ends = path[0].node, path[-1].peer
        for hop, port in enumerate(path[1:]):
            found[port.node].append(
                Rule(
                    flow=str(flow),
                    priority=FLOW_PRIORITY,
                    src=addresses[ends[0]],
                    dst=addresses[ends[1]],
                    dscp=plan.of(flow) if hop == 0 else None,
                    output=port_numbers[port.node, port.peer],
                )
            )
    return {name: (*rules, DROP) for name, rules in found.items()}


def rule_differences(switch: str, asked: Iterable[Rule], kept: Iterable[Rule]) -> list[str]:
    """Where the rules that a switch kept differ from those it was asked for."""
    wanted = {rule.key: rule for rule in asked}
    have = {rule.key: rule for rule in kept}
    said = []
    for key, rule in wanted.items():
        found = have.get(key)
        if found is None:
            said.append(f"{switch}: the rule {rule} is not there")
        elif found.effect != rule.effect:
            said.append(f"{switch}: asked the rule {rule}, kept {found}")
    said += [f"{switch}: a rule that nobody asked for: {have[k]}" for k in have if k not in wanted]
    return said
