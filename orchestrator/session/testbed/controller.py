"""Joins the two rooms that do not know each other: the emulated switches and their controller."""

from __future__ import annotations

from pathlib import Path

from orchestrator.controller.rules import Rules, switch_rules
from orchestrator.controller.session import ControllerSession, SwitchNames
from orchestrator.emulation.network.addresses import data_addresses, port_numbers, switch_numbers
from orchestrator.emulation.testbed import RUN_DIRECTORY
from orchestrator.spec import OPENFLOW_KINDS, ClassPlan, Demands, Topology


def switch_names(topology: Topology) -> SwitchNames:
    """How the emulation calls what the topology names."""
    return SwitchNames(
        datapath_ids=switch_numbers(topology),
        port_numbers=port_numbers(topology),
        addresses=data_addresses(topology),
    )


def make_controller(
    demands: Demands, kind: str, directory: Path = RUN_DIRECTORY
) -> ControllerSession | None:
    """The controller that a kind of switch needs; None if it needs none."""
    if kind not in OPENFLOW_KINDS:
        return None
    return ControllerSession(demands, switch_names(demands.topology), directory / "controller")


def planned_rules(demands: Demands, plan: ClassPlan) -> Rules:
    """The rules that every switch would have under a class plan."""
    names = switch_names(demands.topology)
    return switch_rules(demands, plan, names.addresses, names.port_numbers)
