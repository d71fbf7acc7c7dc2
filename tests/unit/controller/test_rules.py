"""The rules of every switch, from a topology and a class plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from orchestrator.controller.rule import DROP, FLOW_PRIORITY, JOB_PRIORITY, Rule
from orchestrator.controller.rules import rule_differences
from orchestrator.session.testbed.controller import planned_rules
from orchestrator.spec import WAYS, ClassPlan, load_topology
from orchestrator.spec.traffic.class_plan import class_plan
from tests.unit.placed import exchange_of

ROOT = Path(__file__).parents[3]
PUBLISHED = load_topology(ROOT / "topologies" / "ps-10g-1g-3workers.yaml")
LOOP = load_topology(ROOT / "tests" / "golden" / "good" / "loop.yaml")
PS, WORKER0, WORKER1 = "10.10.0.1", "10.10.0.2", "10.10.0.3"


def test_a_rule_per_flow_and_switch_and_all_else_dropped() -> None:
    rules = planned_rules(
        exchange_of(PUBLISHED).demands, class_plan(exchange_of(PUBLISHED).demands, by_class=True)
    )
    assert [str(rule) for rule in rules["switch1"]] == [
        "priority=100,ip,nw_src=10.10.0.1,nw_dst=10.10.0.2 actions=output:2",
        "priority=100,ip,nw_src=10.10.0.1,nw_dst=10.10.0.3 actions=output:3",
        "priority=100,ip,nw_src=10.10.0.1,nw_dst=10.10.0.4 actions=output:4",
        "priority=100,ip,nw_src=10.10.0.2,nw_dst=10.10.0.1 actions=set_field:1->ip_dscp,output:1",
        "priority=100,ip,nw_src=10.10.0.3,nw_dst=10.10.0.1 actions=set_field:2->ip_dscp,output:1",
        "priority=100,ip,nw_src=10.10.0.4,nw_dst=10.10.0.1 actions=set_field:3->ip_dscp,output:1",
        "priority=0 actions=drop",
    ]
    assert {rule.output for rule in rules["switch0"] if rule.src == PS} == {2}


def test_every_flow_is_marked_once_at_its_first_switch_even_without_a_class() -> None:
    for plan in (ClassPlan(), class_plan(exchange_of(PUBLISHED).demands, by_class=True)):
        rules = planned_rules(exchange_of(PUBLISHED).demands, plan)
        for way in WAYS:
            flow = exchange_of(PUBLISHED).demand(way, "worker1")
            marks = {
                switch: [rule.dscp for rule in listed if rule.flow == str(flow)]
                for switch, listed in rules.items()
            }
            first = "switch0" if way == "pull" else "switch1"
            other = "switch1" if way == "pull" else "switch0"
            assert marks == {first: [plan.of(flow)], other: [None]}


def test_what_hosts_have_marked_stays() -> None:
    rules = planned_rules(exchange_of(PUBLISHED).demands, ClassPlan(by_hosts=True))
    assert {rule.dscp for listed in rules.values() for rule in listed} == {None}
    # Like every other plan it replaces rules, and adds none.
    before = planned_rules(exchange_of(PUBLISHED).demands, ClassPlan())
    for switch, listed in rules.items():
        assert [rule.key for rule in listed] == [rule.key for rule in before[switch]]


def test_another_plan_changes_one_rule_per_flow_and_adds_none() -> None:
    before = planned_rules(exchange_of(PUBLISHED).demands, ClassPlan())
    after = planned_rules(
        exchange_of(PUBLISHED).demands, class_plan(exchange_of(PUBLISHED).demands, by_class=True)
    )
    changed = 0
    for switch, rules in before.items():
        assert [rule.key for rule in rules] == [rule.key for rule in after[switch]]
        changed += sum(a != b for a, b in zip(rules, after[switch], strict=True))
    assert changed == 6


def test_in_a_loop_only_the_shortest_path_has_rules() -> None:
    rules = planned_rules(exchange_of(LOOP).demands, ClassPlan())
    # ps and worker0 are at switch0, worker1 is at switch2, and switch1 is the long way round.
    assert rules["switch1"] == (DROP,)
    assert [str(rule) for rule in rules["switch2"]] == [
        "priority=100,ip,nw_src=10.10.0.1,nw_dst=10.10.0.3 actions=output:3",
        "priority=100,ip,nw_src=10.10.0.3,nw_dst=10.10.0.1 actions=set_field:0->ip_dscp,output:2",
        "priority=0 actions=drop",
    ]


def test_what_a_switch_kept_otherwise_is_named() -> None:
    asked = (Rule("pull of worker0", 100, PS, WORKER0, 1, 2), DROP)
    kept = (Rule("", 100, PS, WORKER0, 1, 2), Rule("", 0))
    assert rule_differences("s", asked, kept) == []
    assert rule_differences("s", asked, kept[:1]) == [
        "s: the rule priority=0 actions=drop is not there"
    ]
    other = Rule("", 100, PS, WORKER0, 0, 2)
    (difference,) = rule_differences("s", asked, (other, DROP))
    assert difference.endswith(f"kept {other}")
    (difference,) = rule_differences("s", asked, (*kept, Rule("", 100, PS, WORKER1, 1, 2)))
    assert difference.startswith(
        "s: a rule that nobody asked for: priority=100,ip,nw_src=10.10.0.1"
    )


def test_rules_survive_json() -> None:
    rule = Rule("pull of worker0", 100, PS, WORKER0, 1, 2)
    assert Rule.from_json(rule.to_json()) == rule


def test_jobs_on_the_same_hosts_share_a_rule_and_one_with_a_class_is_told_by_its_port() -> None:
    own = exchange_of(PUBLISHED).demands
    measured = tuple(replace(one, port=5000) for one in own)
    neighbour = tuple(replace(one, port=5001, traffic_class="") for one in own)
    demands = replace(own, all=(*measured, *neighbour))
    plan = class_plan(demands, by_class=True)
    first = planned_rules(demands, plan)["switch0"]
    shared, *told = [rule for rule in first if rule.flow.startswith("pull of worker1")]
    assert (shared.priority, shared.dscp) == (FLOW_PRIORITY, 0)
    assert [(rule.priority, rule.dscp, rule.tcp_src, rule.tcp_dst) for rule in told] == [
        (JOB_PRIORITY, 2, 5000, None),
        (JOB_PRIORITY, 2, None, 5000),
    ]
    assert f"tcp,nw_src={PS},nw_dst={WORKER1},tp_src=5000 actions=set_field:2" in str(told[0])
    # The next switch only sends on, and without classes nothing has to be told apart.
    assert not any(rule.tcp_src for rule in planned_rules(demands, plan)["switch1"][:3])
    for without in (ClassPlan(), ClassPlan(by_hosts=True)):
        rules = planned_rules(demands, without)["switch0"]
        assert len(rules) == len({(rule.src, rule.dst) for rule in rules})
