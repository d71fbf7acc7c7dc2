"""What the hosts of a program sent to each other: by counters of links and of switches' rules, and
by what the program says itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from orchestrator.analysis.measures.measure import TrialMeasure
from orchestrator.analysis.reading.program_trial import ProgramTrial
from orchestrator.records.network import NetworkRecord

HEADERS_PER_SEGMENT = 66
"""Of Ethernet, IP and TCP with timestamps."""

NEARLY_NOTHING = 64 * 1024
"""Bytes per process: to find each other takes some KB, and what is exchanged is more."""

OFF_SHARE = 0.01
"""Of what a program says that two hosts send to each other: headers and answers are less."""

Pairs = Mapping[tuple[str, str], int]


def payload_by_pair(network: NetworkRecord) -> dict[tuple[str, str], int]:
    """Payload in bytes that each host sent to each other one, by its own port's counters.

    What was sent again counts again.
    """
    by_pair: dict[tuple[str, str], int] = {}
    for port in network.ports:
        source = port.port.partition("->")[0]
        for destination, sent in port.counted().items():
            payload = max(0, sent.bytes - HEADERS_PER_SEGMENT * sent.packets)
            by_pair[source, destination] = by_pair.get((source, destination), 0) + payload
    return by_pair


def payload_by_rule(network: NetworkRecord) -> dict[tuple[str, str], int]:
    """The same by the rules of the switch that each host is linked to; empty without a controller.

    A switch in the kernel counts segments that came at once as one packet: then the headers of the
    others count as payload.
    """
    first = {tuple(port.port.split("->")) for port in network.ports if port.counted()}
    by_pair: dict[tuple[str, str], int] = defaultdict(int)
    for flow in network.flows:
        source, _, destination = flow.flow.partition(" to ")
        if (source, flow.switch) in first:
            payload = max(0, flow.bytes - HEADERS_PER_SEGMENT * flow.packets)
            by_pair[source, destination] += payload
    return dict(by_pair)


def said_by_pair(trial: ProgramTrial) -> dict[tuple[str, str], int] | None:
    """The same by what the processes say, of hosts all of whose processes say it.

    What a process sends to its own host is left out. A rank that the program does not have stands
    for itself, as `rank 9`.

    Returns:
        None if the program is not asked for it.
    """
    program = trial.program
    if program.sent is None:
        return None
    hosts = dict(enumerate(program.hosts))
    silent = {hosts[rank] for rank, sent in enumerate(trial.sent) if sent is None}
    by_pair: dict[tuple[str, str], int] = defaultdict(int)
    for source, sent in zip(program.hosts, trial.sent, strict=True):
        for rank, count in (sent or {}).items():
            destination = hosts.get(rank, f"rank {rank}")
            if source not in silent and destination != source:
                by_pair[source, destination] += count
    return dict(by_pair)


def most_off(trial: TrialMeasure) -> float | None:
    """By how much the counters differ from what the program says, in percent.

    Of the two hosts of which it is most; None if it says nothing.
    """
    off = [
        100 * (trial.pairs.get(pair, 0) / declared - 1)
        for pair, declared in (trial.said_pairs or {}).items()
        if declared
    ]
    return max(off, key=abs, default=None)


def sent_otherwise(trial: TrialMeasure) -> Iterator[str]:
    """Where a program's bytes are not those that it says, a line each."""
    if trial.said_pairs is None:
        return
    if not trial.said_pairs:
        yield "none of its processes says what it has sent"
    saying = {source for source, _ in trial.said_pairs}
    for pair in dict.fromkeys((*trial.said_pairs, *trial.pairs)):
        declared, counted = trial.said_pairs.get(pair, 0), trial.pairs.get(pair, 0)
        both = declared + trial.said_pairs.get(pair[::-1], 0)
        if pair[0] in saying and abs(counted - declared) > OFF_SHARE * both + NEARLY_NOTHING:
            yield (
                f"{pair[0]} sent {bytes_text(counted)} to {pair[1]} by the link's counters, "
                f"and says {bytes_text(declared)}"
            )


def ruled_otherwise(trial: TrialMeasure) -> Iterator[str]:
    """Where a switch's rule has seen less than its host sent, a line each."""
    for pair, ruled in trial.rule_pairs.items():
        sent = trial.pairs.get(pair, 0)
        if ruled < (1 - OFF_SHARE) * sent - NEARLY_NOTHING:
            yield (
                f"{pair[0]} sent {bytes_text(sent)} to {pair[1]}, and the switch's rule counted "
                f"{bytes_text(ruled)}"
            )


def bytes_text(count: int) -> str:
    """`1.2 GB`."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"
