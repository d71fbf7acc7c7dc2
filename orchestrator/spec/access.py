"""How to reach a host over SSH: all that deployment knows of it.

Nothing here says whether the host is emulated.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SshAccess:
    """One host's SSH server, and the key that opens it.

    Attributes:
        host: the node's name in the topology.
        address: the management address of the server.
        port: its TCP port.
        user: the account to log in to.
        key_file: the private key, ed25519.
        host_key: the server's public key as in known_hosts, `ssh-ed25519 AAAA...`; any other key
            is refused.
    """

    host: str
    address: str
    port: int
    user: str
    key_file: Path
    host_key: str
