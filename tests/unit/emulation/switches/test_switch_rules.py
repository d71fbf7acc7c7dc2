"""Rules with a controller, without one, and with one that is gone."""

from __future__ import annotations

from pathlib import Path

from orchestrator.emulation.switches.switch_rules import SwitchRules
from orchestrator.records.network import LossRecord
from orchestrator.spec import ClassPlan, Demands, load_topology
from tests.unit.emulation.fabrics import FakeController, FakeFabric

ROOT = Path(__file__).parents[4]
NOTHING = Demands(load_topology(ROOT / "topologies" / "star.yaml"), ())


class Rules:
    """Rules that a controller writes."""

    def __init__(self) -> None:
        self.fabric = FakeFabric()
        self.controller = FakeController(self.fabric)
        self.rules = SwitchRules(self.fabric, self.controller)


def test_all_is_the_controllers() -> None:
    made = Rules()
    made.rules.start()
    made.rules.wait()
    made.rules.push(ClassPlan(by_hosts=True), NOTHING)
    made.rules.check()
    made.rules.close()
    assert made.fabric.log == ["start", "wait", "push True", "check", "close"]


def test_rules_are_read_when_their_counters_are_up_to_date() -> None:
    made = Rules()
    assert made.rules.flows() == [{"switch": "switch0", "packets": 3}]
    assert made.fabric.log == ["settle", "flows"]
    assert made.rules.ports() == [{"switch": "switch0", "port": "switch0->ps"}]


def test_which_rules_there_are_does_not_wait_for_counters() -> None:
    made = Rules()
    assert made.rules.differences() == ["switch0: another rule"]
    assert made.fabric.log == ["flows"]


def test_nobody_is_asked_once_a_switch_is_gone() -> None:
    made = Rules()
    made.fabric.gone = "ovsdb-server is gone"
    assert made.rules.flows() == made.rules.ports() == []
    assert made.rules.differences() == []
    assert made.fabric.log == []


def test_a_controller_that_is_gone_tells_nothing() -> None:
    made = Rules()
    made.controller.gone = "the controller is gone"
    assert made.rules.flows() == made.rules.ports() == []
    assert made.rules.differences() == []


def test_losses_are_those_since_a_time() -> None:
    made = Rules()
    made.controller.lost = [{"what": "switch0", "t_ns": 5}, {"what": "controller", "t_ns": 7}]
    assert made.rules.losses(6) == (LossRecord(what="controller", t_ns=7),)
    assert len(made.rules.losses(5)) == 2


def test_bridges_have_no_rules_and_lose_none() -> None:
    fabric = FakeFabric()
    rules = SwitchRules(fabric, None)
    rules.start()
    rules.wait()
    rules.push(ClassPlan(), NOTHING)
    rules.check()
    rules.close()
    assert rules.flows() == rules.ports() == []
    assert (rules.differences(), rules.losses(0)) == ([], ())
    assert fabric.log == []
