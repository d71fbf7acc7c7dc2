"""Open vSwitch: the commands for a switch, and the watch over its processes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.emulation.switches.openvswitch import OpenVSwitches, OvsProcesses
from orchestrator.emulation.switches.openvswitch_commands import OvsBridge, splice_name, tap_name
from orchestrator.errors import RunError

DATABASE = Path("/run/db.sock")


def bridge(*, userspace: bool) -> OvsBridge:
    devices = ("switch0-eth0", "switch0-eth1")
    return OvsBridge("switch0", 3, devices, userspace, "tcp:127.0.0.1:6653")


def interfaces(*rows: tuple[str, object, object]) -> str:
    return json.dumps({"headings": ["name", "ofport", "error"], "data": rows})


def test_the_kernel_datapath_has_the_veths_as_ports() -> None:
    switch = bridge(userspace=False)
    make = " ".join(switch.make(DATABASE))
    assert "datapath_type=system" in make
    assert "internal" not in make
    assert "add-port switch0 switch0-eth1 -- set interface switch0-eth1 ofport_request=2" in make
    assert switch.join() == (
        ("ip", "link", "set", "dev", "switch0-eth0", "up"),
        ("ip", "link", "set", "dev", "switch0-eth1", "up"),
    )


def test_the_userspace_datapath_never_has_a_shaped_veth_as_a_port() -> None:
    switch = bridge(userspace=True)
    make = " ".join(switch.make(DATABASE))
    assert "datapath_type=netdev" in make
    assert "switch0-eth" not in make
    assert "set interface switch0_tap1 ofport_request=2 type=internal" in make
    masters = {
        command[command.index("dev") + 1]: command[command.index("master") + 1]
        for command in switch.join()
        if "master" in command
    }
    assert masters == {
        "switch0-eth0": "switch0_spl0",
        "switch0_tap0": "switch0_spl0",
        "switch0-eth1": "switch0_spl1",
        "switch0_tap1": "switch0_spl1",
    }
    silent = [command[4] for command in switch.join() if command[-2:] == ("learning", "off")]
    assert sorted(silent) == sorted(masters)


def test_open_vswitch_leaves_the_queues_of_its_ports_alone() -> None:
    for userspace in (False, True):
        switch = bridge(userspace=userspace)
        make = " ".join(switch.make(DATABASE))
        for port in switch.ports():
            assert f"-- set port {port} qos=@none " in make
        assert make.count("--id=@none create qos type=linux-noop") == 1


def test_a_bridge_forwards_nothing_by_itself_and_keeps_rules_without_a_controller() -> None:
    make = " ".join(bridge(userspace=True).make(DATABASE))
    assert "fail_mode=secure" in make
    assert "protocols=OpenFlow13" in make
    assert "datapath-id=0000000000000003" in make
    assert "connection_mode=out-of-band" in make


def test_the_longest_device_name_has_a_tap_that_linux_takes() -> None:
    assert len(tap_name("ninechars-eth99")) == len(splice_name("ninechars-eth99")) == 15


def test_what_open_vswitch_kept_is_compared() -> None:
    switch = bridge(userspace=True)
    good = ("switch0_tap0", 1, ["set", []])
    local = ("switch0", 65534, ["set", []])
    assert switch.differences(interfaces(good, ("switch0_tap1", 2, ["set", []]), local)) == []
    assert switch.differences(interfaces(good)) == ["switch0_tap1: asked port 2, kept nothing"]
    broken = ("switch0_tap1", -1, "could not open network device")
    assert switch.differences(interfaces(good, broken)) == [
        "switch0_tap1: asked port 2, kept -1 could not open network device"
    ]


class FakeRunner:
    """Answers for the programs."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers = answers
        self.ran: list[str] = []

    def __call__(
        self, argv: Sequence[str], *, namespace: int | None = None, given: str = ""
    ) -> str:
        assert (namespace, given) == (None, "")
        self.ran.append(" ".join(argv))
        return next((a for word, a in self.answers.items() if word in self.ran[-1]), "")


def test_a_switch_that_was_not_made_as_asked_is_an_error(tmp_path: Path) -> None:
    runner = FakeRunner({"list interface": interfaces(("s-eth0", -1, "no such datapath"))})
    switches = OpenVSwitches("ovs-kernel", runner, tmp_path, "tcp:127.0.0.1:6653")
    with pytest.raises(RunError, match="s-eth0: asked port 1, kept -1 no such datapath"):
        switches.build("s", 1, ["s-eth0"])
    assert not any("link set" in ran for ran in runner.ran)


def test_only_taps_can_lose_packets_on_the_way_in(tmp_path: Path) -> None:
    runner = FakeRunner({"list interface": interfaces(("s-eth0", 1, ""), ("s_tap0", 1, ""))})
    for kind, inputs in (("ovs-kernel", {}), ("ovs-user", {"s-eth0": "s_tap0"})):
        switches = OpenVSwitches(kind, runner, tmp_path, "tcp:127.0.0.1:6653")
        switches.build("s", 1, ["s-eth0"])
        assert switches.input_devices() == inputs


def test_which_process_is_gone_and_how_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = subprocess.Popen

    def start(argv: list[str], **options: object) -> object:
        options.pop("env")
        if argv[0] == "ovsdb-server":
            (tmp_path / "ovs" / "db.sock").touch()
            return real(["sleep", "1000"], **options)  # type: ignore[call-overload]
        return real(["sh", "-c", "echo no datapath; exit 3"], **options)  # type: ignore[call-overload]

    monkeypatch.setattr("orchestrator.emulation.switches.openvswitch.subprocess.Popen", start)
    processes = OvsProcesses(FakeRunner({}), tmp_path / "ovs")
    processes.start()
    try:
        processes._processes["ovs-vswitchd"].wait()
        with pytest.raises(RunError, match=r"ovs-vswitchd .* gone \(exit status 3: no datapath\)"):
            processes.check()
        processes._processes.pop("ovs-vswitchd")
        processes.check()
        processes._processes["ovsdb-server"].kill()
        processes._processes["ovsdb-server"].wait()
        with pytest.raises(RunError, match=r"ovsdb-server .* gone \(killed by signal SIGKILL\)"):
            processes.check()
    finally:
        processes.close()
