"""Deployment over SSH: sessions, code shipping, process lifetimes.

    connect(SshAccess) -> RemoteHost    one pooled connection, pinned host key
    RemoteHost.start   -> RemoteProcess its own session, followed, stopped as a whole
    Deployment.run     -> records       one trial: a `ProcessPlan` per host

Nothing here knows whether a host is emulated or a machine of its own. A host needs `sshd` with
SFTP, a POSIX `sh`, `setsid` and `setpriv` (util-linux), `/proc`, and Python for the workload.
"""

from orchestrator.deployment.bundle import code_bundle
from orchestrator.deployment.host import CompletedRemote, RemoteHost, connect
from orchestrator.deployment.plan import ProcessPlan
from orchestrator.deployment.process import Ended, Message, RemoteProcess, Told
from orchestrator.deployment.trial import Deployment

__all__ = [
    "CompletedRemote",
    "Deployment",
    "Ended",
    "Message",
    "ProcessPlan",
    "RemoteHost",
    "RemoteProcess",
    "Told",
    "code_bundle",
    "connect",
]
