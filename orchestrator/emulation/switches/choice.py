"""Which kind of switch an experiment runs on, and why."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orchestrator.emulation.machine.machine import Probes, has_module
from orchestrator.emulation.machine.needs import FEATURES, OVS_PROGRAMS
from orchestrator.errors import MachineError
from orchestrator.spec import AUTO, KINDS, LINUX_BRIDGE, OVS_KERNEL, OVS_USER, Demands, unfit

_CONTROLLER_LIBRARY = "ryu"
_USER_FEATURES = ("tap", "bridge")


@dataclass(frozen=True)
class SwitchChoice:
    """A kind of switch and the reason for it."""

    kind: str
    why: str


def _has_library(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def obstacles(
    probes: Probes | None = None, has_library: Callable[[str], bool] = _has_library
) -> dict[str, str]:
    """Why each kind of switch cannot be used on this machine; empty if it can.

    As root it is tried, in a network namespace that goes again; otherwise one can only look.
    """
    probes = probes or Probes()
    root = probes.user_id() == 0
    missing = [p for p in OVS_PROGRAMS if probes.which(p.name) is None]
    common = ""
    if missing:
        names = ", ".join(program.name for program in missing)
        common = f"{names} missing (make setup, or Debian package {missing[0].package})"
    elif not has_library(_CONTROLLER_LIBRARY):
        common = f"the Python library {_CONTROLLER_LIBRARY} is missing (make setup)"

    def has(name: str) -> bool:
        feature = next(feature for feature in FEATURES if feature.name == name)
        argv = ("unshare", "--net", "--", feature.tool, "-batch", "-")
        return probes.attempt(argv, "\n".join(feature.lines) + "\n")

    if root:
        # The module is loaded by the attempt, if the kernel has it.
        kernel = probes.attempt(("unshare", "--net", "--", "ovs-dpctl", "add-dp", "try"), "")
        user = [name for name in _USER_FEATURES if not has(name)]
    else:
        kernel = has_module(probes.files, "openvswitch")
        user = [] if (probes.files / "dev/net/tun").exists() else ["tap"]
    return {
        OVS_KERNEL: common or ("" if kernel else "the kernel has no openvswitch module"),
        OVS_USER: common or (f"the kernel has no {', '.join(user)}" if user else ""),
        LINUX_BRIDGE: "",
    }


def choose_switch(asked: str, against: Mapping[str, str]) -> SwitchChoice:
    """The kind of switch for what the experiment asks (`auto` or a kind's name).

    Args:
        against: what `obstacles` found.

    Raises:
        MachineError: the kind that was asked for cannot be used here.
    """
    if asked == AUTO:
        passed = list(itertools.takewhile(lambda kind: against[kind], KINDS))
        why = "".join(f"; no {kind}: {against[kind]}" for kind in passed)
        return SwitchChoice(KINDS[len(passed)], f"auto: the first that works here{why}")
    if against[asked]:
        raise MachineError(f"no {asked} on this machine: {against[asked]}")
    return SwitchChoice(asked, "asked for")


def check_fit(demands: Demands, choice: SwitchChoice) -> None:
    """See that the kind of switch that was chosen can carry what is demanded.

    Raises:
        MachineError: it cannot; says why, and why that kind.
    """
    if why := unfit(demands, choice.kind):
        raise MachineError(f"{why} ({choice.why})")
