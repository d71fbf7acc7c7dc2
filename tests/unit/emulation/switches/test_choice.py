"""Which kind of switch is taken, on machines that have this and that."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.emulation.machine.machine import Probes
from orchestrator.emulation.switches.choice import SwitchChoice, check_fit, choose_switch, obstacles
from orchestrator.errors import MachineError
from orchestrator.spec import load_topology
from tests.unit.placed import exchange_of

LOOP = load_topology(Path(__file__).parents[3] / "golden" / "good" / "loop.yaml")


def of_machine(*without: str, root: bool = True, library: bool = True) -> dict[str, str]:
    """The obstacles on a machine that has everything but what is named."""

    def attempt(argv: Sequence[str], lines: str) -> bool:
        assert argv[:2] == ("unshare", "--net")
        return not any(word in f"{' '.join(argv)} {lines}" for word in without)

    def which(program: str) -> str | None:
        return None if program in without else f"/usr/bin/{program}"

    probes = Probes(attempt, which, lambda: 0 if root else 1000, Path("/nowhere"))
    return obstacles(probes, lambda _: library)


def test_auto_takes_the_first_that_works_and_says_why_not_the_others() -> None:
    assert choose_switch("auto", of_machine()) == SwitchChoice(
        "ovs-kernel", "auto: the first that works here"
    )
    assert choose_switch("auto", of_machine("add-dp")) == SwitchChoice(
        "ovs-user",
        "auto: the first that works here; no ovs-kernel: the kernel has no openvswitch module",
    )
    choice = choose_switch("auto", of_machine("add-dp", "tuntap"))
    assert choice.kind == "linux-bridge"
    assert choice.why.endswith("; no ovs-user: the kernel has no tap")


def test_without_the_programs_or_the_library_there_is_no_open_vswitch() -> None:
    choice = choose_switch("auto", of_machine("ovs-vswitchd", "ovs-vsctl"))
    assert choice.kind == "linux-bridge"
    assert "ovs-vswitchd, ovs-vsctl missing (make setup, or Debian package" in choice.why
    assert choose_switch("auto", of_machine(library=False)).kind == "linux-bridge"


def test_what_is_asked_for_is_taken_or_refused() -> None:
    assert choose_switch("linux-bridge", of_machine()) == SwitchChoice("linux-bridge", "asked for")
    assert choose_switch("ovs-user", of_machine()) == SwitchChoice("ovs-user", "asked for")
    with pytest.raises(MachineError, match="no ovs-kernel on this machine: the kernel has no"):
        choose_switch("ovs-kernel", of_machine("add-dp"))


def test_who_is_not_root_only_looks(tmp_path: Path) -> None:
    (tmp_path / "dev/net").mkdir(parents=True)
    (tmp_path / "dev/net/tun").touch()

    def never(argv: Sequence[str], lines: str) -> bool:
        raise AssertionError((argv, lines))

    probes = Probes(never, lambda program: program, lambda: 1000, tmp_path)
    assert choose_switch("auto", obstacles(probes, lambda _: True)).kind == "ovs-user"


def test_a_loop_is_refused_where_auto_falls_back_to_a_bridge() -> None:
    check_fit(exchange_of(LOOP).demands, choose_switch("auto", of_machine()))
    with pytest.raises(MachineError) as error:
        check_fit(exchange_of(LOOP).demands, choose_switch("auto", of_machine("ovs-vsctl")))
    assert str(error.value).startswith(
        "linux-bridge cannot carry a loop, and the link switch2 - switch0 closes one (auto: "
    )
