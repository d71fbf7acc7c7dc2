"""A testbed that is up, with a connection to every host: what all programs in a box begin with."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.deployment import Deployment
from orchestrator.deployment.host import connect
from orchestrator.emulation.limits.run_groups import RunGroups
from orchestrator.emulation.network.description import NetworkDescription
from orchestrator.emulation.testbed import EmulatedTestbed
from orchestrator.session.testbed.controller import make_controller
from orchestrator.session.testbed.protocol import Testbed
from orchestrator.spec import Experiment

CONNECT_SECONDS = 15.0


@dataclass(frozen=True)
class Opened:
    """A testbed that is up.

    Attributes:
        testbed: its network and its hosts' caps.
        deployment: runs processes on its hosts, over one SSH connection to each.
    """

    testbed: Testbed
    deployment: Deployment


def network_of(experiment: Experiment) -> NetworkDescription:
    """What a testbed must know of an experiment."""
    return NetworkDescription(
        experiment.networks,
        experiment.scale,
        experiment.congestion_control,
        experiment.socket_buffers,
    )


@contextlib.contextmanager
def opened(
    experiment: Experiment, switch_kind: str, groups: RunGroups | None = None
) -> Iterator[Opened]:
    """Build the testbed of an experiment and connect to its hosts.

    Args:
        groups: the hosts' cgroups; None: they are not capped.

    Raises:
        RunError: the network or a host could not be brought up.
    """
    described = network_of(experiment)
    controller = make_controller(described.demands, switch_kind)
    with (
        EmulatedTestbed(described, switch_kind, controller, groups=groups) as testbed,
        contextlib.ExitStack() as stack,
    ):
        hosts = {
            name: stack.enter_context(connect(access, timeout=CONNECT_SECONDS))
            for name, access in testbed.accesses().items()
        }
        yield Opened(testbed, Deployment(hosts, sys.executable, testbed.work_directory))
