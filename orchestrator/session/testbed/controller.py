"""Joins the two rooms that do not know each other: the emulated switches and their controller."""

from __future__ import annotations

from pathlib import Path

from orchestrator.controller.rules import Rules, switch_rules
from orchestrator.controller.session import ControllerSession, SwitchNames
from orchestrator.emulation.network.addresses import data_addresses, port_numbers, switch_numbers
from orchestrator.emulation.testbed import RUN_DIRECTORY
from orchestrator.spec import OPENFLOW_KINDS, ClassPlan, Topology


def switch_names(topology: Topology) -> SwitchNames:
    """How the emulation calls what the topology names."""
    return SwitchNames(
        datapath_ids=switch_numbers(topology),
        port_numbers=port_numbers(topology),
        addresses=data_addresses(topology),
    )


def make_controller(
    topology: Topology, kind: str, directory: Path = RUN_DIRECTORY
) -> ControllerSession | None:
    """The controller that a kind of switch needs; None if it needs none."""
    if kind not in OPENFLOW_KINDS:
        return None
    return ControllerSession(topology, switch_names(topology), directory / "controller")


def planned_rules(topology: Topology, plan: ClassPlan) -> Rules:
    """The rules that every switch would have under a class plan."""
    names = switch_names(topology)
    return switch_rules(topology, plan, names.addresses, names.port_numbers)
