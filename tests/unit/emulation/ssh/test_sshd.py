from __future__ import annotations

import stat
from pathlib import Path

import paramiko
import pytest

from orchestrator.emulation.ssh.sshd import (
    make_keys,
    private_accounts,
    sshd_argv,
    sshd_config,
)

PASSWD = """\
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
sshd:x:102:65534::/run/sshd:/usr/sbin/nologin
"""
SHADOW = """\
root:!locked:0:0:1:7::1:
daemon:*:20228:0:99999:7:::
sshd:!:20778::::::
"""


def test_keys_are_private_and_of_their_own(tmp_path: Path) -> None:
    keys = make_keys(tmp_path, ["ps", "worker0"])
    files = [keys.user_key, keys.authorized_keys, *(key.file for key in keys.hosts.values())]
    assert sorted(files) == sorted(tmp_path.iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert len({file.read_bytes() for file in files}) == 4


def test_keys_are_what_openssh_and_paramiko_read(tmp_path: Path) -> None:
    keys = make_keys(tmp_path, ["ps"])
    user = paramiko.Ed25519Key(filename=str(keys.user_key))
    assert keys.authorized_keys.read_text().split() == ["ssh-ed25519", user.get_base64(), "dmlbed"]
    host = paramiko.Ed25519Key(filename=str(keys.hosts["ps"].file))
    assert keys.hosts["ps"].public == f"ssh-ed25519 {host.get_base64()}"


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    kept = make_keys(tmp_path, ["ps"]).user_key.read_bytes()
    with pytest.raises(FileExistsError):
        make_keys(tmp_path, ["ps"])
    assert (tmp_path / "user_key").read_bytes() == kept


def test_access_names_the_pinned_key(tmp_path: Path) -> None:
    keys = make_keys(tmp_path, ["ps"])
    access = keys.access("ps", "10.255.0.1")
    assert (access.host, access.address, access.port, access.user) == (
        "ps",
        "10.255.0.1",
        22,
        "root",
    )
    assert access.key_file == keys.user_key
    assert access.host_key == keys.hosts["ps"].public


def test_the_configuration() -> None:
    text = sshd_config(
        address="10.255.0.1",
        host_key=Path("/run/t/host_key_ps"),
        authorized_keys=Path("/run/t/authorized_keys"),
        pid_file=Path("/run/t/sshd ps.pid"),
    )
    settings = dict(line.split(" ", 1) for line in text.splitlines())
    expected = {
        "ListenAddress": "10.255.0.1",
        "Port": "22",
        "HostKey": '"/run/t/host_key_ps"',
        "AuthorizedKeysFile": '"/run/t/authorized_keys"',
        "PidFile": '"/run/t/sshd ps.pid"',
        "UsePAM": "no",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PermitRootLogin": "prohibit-password",
        "StrictModes": "no",
        "DisableForwarding": "yes",
        "PermitUserEnvironment": "no",
        "UseDNS": "no",
        "LogLevel": "ERROR",
        "Subsystem": "sftp internal-sftp",
    }
    assert expected.items() <= settings.items()
    assert int(settings["MaxSessions"]) > 10
    assert "AcceptEnv" not in settings


@pytest.mark.parametrize("address", ["10.0.0.1\nPermitRootLogin yes", '"'])
def test_nothing_is_smuggled_into_the_configuration(address: str) -> None:
    with pytest.raises(ValueError, match="cannot be written in an sshd configuration"):
        sshd_config(
            address=address, host_key=Path("/k"), authorized_keys=Path("/a"), pid_file=Path("/p")
        )


def test_root_opens_to_a_key_whatever_the_machines_root_is() -> None:
    accounts = private_accounts(PASSWD, SHADOW, "/run/t/home")
    assert accounts.passwd.splitlines() == [
        "root:x:0:0:root:/run/t/home:/bin/sh",
        *PASSWD.splitlines()[1:],
    ]
    assert accounts.shadow.splitlines() == ["root:*:1::::::", *SHADOW.splitlines()[1:]]


def test_missing_accounts_are_added() -> None:
    accounts = private_accounts("games:x:999:60::/:/bin/sh\n\n", "games:*:1::::::", "/h")
    assert accounts.passwd.splitlines() == [
        "games:x:999:60::/:/bin/sh",
        "root:x:0:0:root:/h:/bin/sh",
        "sshd:x:998:65534::/run/sshd:/usr/sbin/nologin",
    ]
    assert accounts.shadow.splitlines() == [
        "games:*:1::::::",
        "root:*:1::::::",
        "sshd:!:1::::::",
    ]


def test_of_equal_names_the_first_counts() -> None:
    accounts = private_accounts("sshd:x:5:5:::\nsshd:x:6:6:::\n", "", "/h")
    assert accounts.passwd.splitlines()[0] == "sshd:x:5:5:::"
    assert "sshd:x:6" not in accounts.passwd


def test_the_server_stays_in_the_foreground() -> None:
    assert sshd_argv(Path("/run/t/c")) == ("/usr/sbin/sshd", "-D", "-e", "-f", "/run/t/c")
