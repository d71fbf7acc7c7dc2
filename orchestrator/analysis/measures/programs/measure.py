"""The measures of a program's trial."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from orchestrator.analysis.measures.links import link_uses
from orchestrator.analysis.measures.machine.conditions import drops_of, host_use, idle_within
from orchestrator.analysis.measures.machine.disturbance import use_within
from orchestrator.analysis.measures.measure import PAYLOAD_PER_SEGMENT, TrialMeasure, measure
from orchestrator.analysis.measures.programs.pairs import (
    NEARLY_NOTHING,
    bytes_text,
    payload_by_pair,
    payload_by_rule,
    said_by_pair,
)
from orchestrator.analysis.measures.shared_links import link_goodputs
from orchestrator.analysis.reading.program_trial import ProgramTrial
from orchestrator.analysis.reading.records import AnyTrial


def not_crossed(trial: TrialMeasure) -> Iterator[str]:
    """That a program's bytes did not cross the data network, if they did not."""
    if not trial.program or trial.payload >= NEARLY_NOTHING * trial.processes:
        return
    itself = sum(trial.loopback.values())
    inside = f", and {bytes_text(itself)} stayed on {_list(trial.loopback)}" if itself else ""
    if len(trial.loopback) == 1:
        yield f"all of it ran on {_list(trial.loopback)}: nothing crossed the data network{inside}"
    else:
        yield f"only {bytes_text(trial.payload)} crossed the data network between its hosts{inside}"


def left_behind(trial: TrialMeasure) -> Iterator[str]:
    """What a program left on hosts, if it left anything."""
    if trial.left:
        yield f"it left processes behind, which were ended: {_list(trial.left)}"


def measure_any(trial: AnyTrial) -> TrialMeasure:
    """Compute the measures of a finished trial, of a training or a program."""
    return measure_program(trial) if isinstance(trial, ProgramTrial) else measure(trial)


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
        batch=0,
        iterations=0,
        warm_up=0,
        cool_down=0,
        seed=0,
        scale_rates=what.scale.rates,
        scale_time=what.scale.time,
        switch=what.switch,
        imgs_per_sec=trial.throughput * what.scale.time,
        unit=program.throughput.unit,
        iteration_seconds=(),
        iteration_seconds_emulated=(),
        iteration_seconds_median=0.0,
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
        cpu_seconds_workers=0.0,
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
        rule_pairs=payload_by_rule(network),
        said_pairs=said_by_pair(trial),
        left=program.left,
        links=link_goodputs(network, begin, end, what.scale.rates),
        fullest=next((use for use in link_uses(network, begin, end) if use.mean), None),
        loopback={
            host: network.loopback_bytes.get(host, 0) for host in dict.fromkeys(program.hosts)
        },
    )


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)
