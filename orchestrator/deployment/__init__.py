"""Deployment over SSH: sessions, code shipping, process lifetimes.

    host.connect(SshAccess) -> RemoteHost    one pooled connection, pinned host key
    RemoteHost.start        -> RemoteProcess its own session, followed, stopped as a whole
    Deployment.run          -> records       processes, each by its `ProcessPlan`

`host` is imported where a connection is made: its SSH library takes a quarter of a second to
import, and most commands connect to nothing.

Nothing here knows whether a host is emulated or a real machine. A host needs `sshd` with
SFTP, a POSIX `sh`, `setsid` and `setpriv` (util-linux), `/proc`, and what the plans name.
"""

from orchestrator.deployment.bundle import ARCHIVE, PACKAGE, code_bundle
from orchestrator.deployment.company import Company
from orchestrator.deployment.plan import PYTHON, After, ProcessPlan
from orchestrator.deployment.process import Ended, Message, Printed, RemoteProcess, Told
from orchestrator.deployment.run import Deployment

__all__ = [
    "ARCHIVE",
    "PACKAGE",
    "PYTHON",
    "After",
    "Company",
    "Deployment",
    "Ended",
    "Message",
    "ProcessPlan",
    "Printed",
    "RemoteProcess",
    "Told",
    "code_bundle",
]
