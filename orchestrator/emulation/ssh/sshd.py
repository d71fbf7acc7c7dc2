"""An SSH server per host of a testbed: keys, configuration, private account files.

Keys live as long as the testbed: in a directory on a tmpfs that goes with its box. Everything but
`make_keys` only renders text; the box writes, mounts and starts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from orchestrator.spec.access import SshAccess

SSHD = "/usr/sbin/sshd"
PORT = 22
USER = "root"

PRIVILEGE_SEPARATION_DIRECTORY = "/run/sshd"
"""sshd insists on this directory: empty, root's, writable by nobody else."""

_PRIVILEGE_SEPARATION_USER = "sshd"


@dataclass(frozen=True)
class HostKey:
    """A host's key.

    Attributes:
        file: the private key.
        public: the public key as in known_hosts, `ssh-ed25519 AAAA...`.
    """

    file: Path
    public: str


@dataclass(frozen=True)
class TestbedKeys:
    """The keys of one testbed.

    Attributes:
        user_key: the private key that opens every host.
        authorized_keys: the file that names it to the servers.
        hosts: each host's own key.
    """

    __test__ = False  # not a test, whatever pytest thinks of its name

    user_key: Path
    authorized_keys: Path
    hosts: Mapping[str, HostKey]

    def access(self, host: str, address: str) -> SshAccess:
        """How to reach a host at its management address."""
        return SshAccess(
            host=host,
            address=address,
            port=PORT,
            user=USER,
            key_file=self.user_key,
            host_key=self.hosts[host].public,
        )


@dataclass(frozen=True)
class Accounts:
    """Texts to bind-mount over /etc/passwd and /etc/shadow in the box."""

    passwd: str
    shadow: str


def make_keys(directory: Path, hosts: Iterable[str]) -> TestbedKeys:
    """Make a testbed's ed25519 keys, files of mode 0600.

    Args:
        directory: an existing directory on a tmpfs, so that no key reaches a disk.
        hosts: names of the hosts.

    Raises:
        FileExistsError: there are keys already; they are never overwritten.
        OSError: the directory cannot be written.
    """
    user_key = directory / "user_key"
    authorized_keys = directory / "authorized_keys"
    _write_private(authorized_keys, f"{_make_key(user_key)} dmlbed\n".encode())
    return TestbedKeys(
        user_key=user_key,
        authorized_keys=authorized_keys,
        hosts={
            host: HostKey(file, _make_key(file))
            for host, file in ((host, directory / f"host_key_{host}") for host in hosts)
        },
    )


def sshd_config(*, address: str, host_key: Path, authorized_keys: Path, pid_file: Path) -> str:
    """The configuration of one host's server.

    Args:
        address: the only address to listen on, the host's management address.
        host_key: the host's private key.
        authorized_keys: the file that names the user's key.
        pid_file: where sshd writes its process id, on the testbed's tmpfs.
    """
    settings = {
        "ListenAddress": address,
        "Port": PORT,
        "HostKey": host_key,
        "AuthorizedKeysFile": authorized_keys,
        "PidFile": pid_file,
        # with PAM the machine's account policy decides, and a locked root is refused
        "UsePAM": "no",
        "PermitRootLogin": "prohibit-password",
        "AllowUsers": USER,
        "PubkeyAuthentication": "yes",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        # the key's directory may be below a world-writable one; it is private to the box
        "StrictModes": "no",
        "PermitUserEnvironment": "no",
        "PermitUserRC": "no",
        "DisableForwarding": "yes",
        "AllowAgentForwarding": "no",
        "AllowTcpForwarding": "no",
        "X11Forwarding": "no",
        "PermitTunnel": "no",
        "PrintMotd": "no",
        "UseDNS": "no",
        "MaxSessions": 64,
        "LogLevel": "ERROR",
        "Subsystem": "sftp internal-sftp",
    }
    return "".join(f"{name} {_value(value)}\n" for name, value in settings.items())


def private_accounts(passwd: str, shadow: str, home: str) -> Accounts:
    """The machine's accounts, changed so that a key opens root whatever the machine's root is.

    Root gets no password but is not locked (`*`), never expires, has `home` as its home directory
    (no start-up file of a person is read) and /bin/sh as its shell. The user into whose account
    sshd retires before a login is added if it is missing.

    Args:
        passwd: the text of the machine's /etc/passwd.
        shadow: the text of the machine's /etc/shadow.
        home: an absolute path in the testbed's tmpfs.
    """
    users = _lines(passwd)
    users[USER] = f"{USER}:x:0:0:root:{home}:/bin/sh"
    if _PRIVILEGE_SEPARATION_USER not in users:
        taken = {int(uid) for uid in re.findall(r"^[^:\n]*:[^:\n]*:(\d+):", passwd, re.MULTILINE)}
        uid = next(uid for uid in range(999, 0, -1) if uid not in taken)
        users[_PRIVILEGE_SEPARATION_USER] = (
            f"{_PRIVILEGE_SEPARATION_USER}:x:{uid}:65534::"
            f"{PRIVILEGE_SEPARATION_DIRECTORY}:/usr/sbin/nologin"
        )
    secrets = _lines(shadow)
    secrets[USER] = f"{USER}:*:1::::::"
    secrets.setdefault(_PRIVILEGE_SEPARATION_USER, f"{_PRIVILEGE_SEPARATION_USER}:!:1::::::")
    return Accounts(
        passwd="".join(f"{line}\n" for line in users.values()),
        shadow="".join(f"{line}\n" for line in secrets.values()),
    )


def sshd_argv(config: Path) -> tuple[str, ...]:
    """Arguments that run a server in the foreground, its log on stderr.

    sshd executes itself again for every connection and hence wants its absolute path.
    """
    return (SSHD, "-D", "-e", "-f", str(config))


def _value(value: object) -> str:
    text = str(value)
    if "\n" in text or '"' in text:
        raise ValueError(f"cannot be written in an sshd configuration: {text!r}")
    return f'"{text}"' if isinstance(value, Path) else text


def _lines(text: str) -> dict[str, str]:
    """Lines of an account file by user; of equal names the first, which is the one that counts."""
    lines: dict[str, str] = {}
    for line in text.splitlines():
        if line:
            lines.setdefault(line.partition(":")[0], line)
    return lines


def _make_key(file: Path) -> str:
    key = Ed25519PrivateKey.generate()
    _write_private(file, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")


def _write_private(file: Path, data: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as stream:
        stream.write(data)
