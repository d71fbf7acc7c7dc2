"""The processes of a user's program: one for every rank, with what it is told (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from orchestrator.deployment import ProcessPlan
from orchestrator.spec import Program, Scale

MASTER_PORT = 29500
"""Where rank 0 of torch.distributed listens; of jobs beside at the next ports, in their order."""
INTERFACES = ("GLOO_SOCKET_IFNAME", "TP_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")
"""Variables by which libraries choose the network that they talk by."""
_SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def program_plans(
    program: Program,
    scale: Scale,
    *,
    addresses: Mapping[str, str],
    interfaces: Mapping[str, str],
    binaries: str,
    prefix: str = "",
    number: int = 0,
) -> dict[str, ProcessPlan]:
    """The processes of a program by their names, in the order of their ranks.

    Args:
        program: what runs.
        scale: R and D of the network.
        addresses: every host's address on the data network.
        interfaces: its device there.
        binaries: folder of the hosts' Python, whose programs are found before others.
        prefix: of the processes' names, which are those of their hosts else; a host's second
            process has a number behind it.
        number: among the jobs of an experiment; programs on one host must not share a port.
    """
    on_host = Counter(program.hosts)
    begun: Counter[str] = Counter()
    files = program.contents()
    plans = {}
    for rank, host in enumerate(program.hosts):
        local = begun[host]
        begun[host] += 1
        name = f"{prefix}{host}" + (f".{local}" if local else "")
        ranks = {
            "RANK": rank,
            "WORLD_SIZE": len(program.hosts),
            "LOCAL_RANK": local,
            "LOCAL_WORLD_SIZE": on_host[host],
            "MASTER_ADDR": addresses[program.hosts[0]],
            "MASTER_PORT": MASTER_PORT + number,
            # What torchrun takes where its command line says nothing.
            "PET_NNODES": len(program.hosts),
            "PET_NODE_RANK": rank,
            "PET_MASTER_ADDR": addresses[program.hosts[0]],
            "PET_MASTER_PORT": MASTER_PORT + number,
            "DMLBED_SCALE_R": f"{scale.rates:g}",
            "DMLBED_SCALE_D": f"{scale.time:g}",
        }
        plans[name] = ProcessPlan(
            name=name,
            host=host,
            argv=program.command,
            files=files,
            environment={
                "PATH": search_path(binaries),
                # Its lines come when they are printed: their times are those of its readings.
                "PYTHONUNBUFFERED": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
                **{variable: str(value) for variable, value in ranks.items()},
                **dict.fromkeys(INTERFACES, interfaces[host]),
                **program.environment,
            },
            events=False,
            records=program.throughput.file or "",
            needs_records=False,
            limit_seconds=program.limit_seconds,
            printed_bytes=PRINTED_BYTES,
        )
    return plans


def search_path(binaries: str) -> str:
    """Where a program's first word is looked for.

    Args:
        binaries: folder of the hosts' Python.
    """
    return f"{binaries}:{_SYSTEM}"


PRINTED_BYTES = 16 * 1024 * 1024
"""That a process of a program may print."""


def strange_interfaces(program: Program, interfaces: Mapping[str, str]) -> tuple[str, ...]:
    """Where a program itself names another network than the data network, a line each."""
    return tuple(
        f"its environment says {variable}={value}, and the data network is {interfaces[host]}"
        for variable in INTERFACES
        if (value := program.environment.get(variable)) is not None
        for host in program.hosts[:1]
        if value != interfaces[host]
    )
