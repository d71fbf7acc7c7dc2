"""The measures of a program's trial."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.analysis.measures.disturbance import use_within
from orchestrator.analysis.measures.measure import (
    PAYLOAD_PER_SEGMENT,
    TrialMeasure,
    drops_of,
    host_use,
    idle_within,
)
from orchestrator.analysis.reading.program_trial import ProgramTrial
from orchestrator.records.network import NetworkRecord

HEADERS_PER_SEGMENT = 66
"""Of Ethernet, IP and TCP with timestamps."""


def payload_by_pair(network: NetworkRecord) -> dict[tuple[str, str], int]:
    """Payload in bytes that each host sent to each other one, by its own port's counters.

    What was sent again counts again.
    """
    found: dict[tuple[str, str], int] = {}
    for port in network.ports:
        source = port.port.partition("->")[0]
        for destination, sent in port.counted().items():
            payload = max(0, sent.bytes - HEADERS_PER_SEGMENT * sent.packets)
            found[source, destination] = found.get((source, destination), 0) + payload
    return found


def measure_program(trial: ProgramTrial) -> TrialMeasure:
    """Compute the measures of a finished trial of a program."""
    what, network, program = trial.trial, trial.network, trial.program
    begin, end = trial.window
    idle_mean, idle_worst = idle_within(network.cpu, begin, end)
    switch_idle_mean, switch_idle_worst = idle_within(network.switch_cpu, begin, end)
    pairs: Mapping[tuple[str, str], int] = payload_by_pair(network)
    payload = sum(pairs.values())
    return TrialMeasure(
        index=what.index,
        choices=what.choices,
        repeat=what.repeat,
        attempt=what.attempt,
        workers=len(program.processes),
        batch=None,
        iterations=None,
        warm_up=None,
        cool_down=None,
        seed=None,
        scale_rates=what.scale.rates,
        scale_time=what.scale.time,
        switch=what.switch,
        imgs_per_sec=trial.throughput * what.scale.time,
        unit=program.throughput.unit,
        iteration_seconds=(),
        iteration_seconds_emulated=(),
        iteration_seconds_median=None,
        pull_shares=None,
        push_shares=None,
        pull_rates=(),
        push_rates=(),
        idle_mean=idle_mean,
        idle_worst=idle_worst,
        switch_idle_mean=switch_idle_mean,
        switch_idle_worst=switch_idle_worst,
        retransmissions_records=0,
        retransmissions_namespaces=sum(network.tcp_retransmits.values()),
        segments=-(-payload // PAYLOAD_PER_SEGMENT),
        drops=drops_of(network),
        management_bytes=sum(network.management_bytes.values()),
        parameters_sha256=None,
        payload=payload,
        payload_in=None,
        payload_out=None,
        cpu_seconds_ps=None,
        cpu_seconds_workers=None,
        cpu_seconds_per_gigabyte=None,
        congestion_control="",
        congestion_controls=frozenset(),
        kept_differs=network.kept_differs,
        records_bytes=trial.records_bytes,
        processes=len(program.processes),
        exact=False,
        sends_model=False,
        ordered=True,
        hosts=tuple(host_use(name, caps) for name, caps in network.caps.items()),
        use=use_within(network.use, network.cpu, begin, end),
        pairs=pairs,
        loopback={host: network.loopback_bytes.get(host, 0) for host in dict.fromkeys(program.hosts)},
    )
