"""Runs of programs, as their directories have them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.analysis import read_run
from orchestrator.analysis.reading.program_trial import ProgramTrial
from orchestrator.records.network import ClassRecord, FlowRecord, LinkSamplesRecord
from orchestrator.records.program import PrintedLine, ProgramRecord, dump_lines
from orchestrator.records.trial import ScaleRecord, TrialRecord
from orchestrator.spec import Choices, Throughput
from tests.unit.analysis.builder import write_run
from tests.unit.analysis.fake_trial import SECOND, FakeTrial
from workloads.schedule.library import get_schedule

HOSTS = ("worker0", "worker1", "worker2")

MB_PER_SEC = Throughput(json="speed", unit="MB/s")

HEADERS, SEGMENT = 66, 1514


def lines_of(values: Sequence[float], begin: int = 10) -> list[PrintedLine]:
    """A line each second, with noise between them."""
    lines = [PrintedLine(begin * SECOND, "stdout", "warming up\n")]
    for second, value in enumerate(values, start=begin + 1):
        lines.append(PrintedLine(second * SECOND, "stdout", json.dumps({"speed": value}) + "\n"))
        lines.append(PrintedLine(second * SECOND, "stderr", "note: 3 of 4\n"))
    return lines


def write_program(
    run: Path,
    *,
    index: int,
    lines: Mapping[str, Sequence[PrintedLine]],
    throughput: Throughput | None = None,
    warm_up: int = 1,
    model: str | None = "alexnet",
    time: float = 1.0,
    packets: int = 1_000_000,
    management: int = 1000,
    repeat: int = 1,
    sent: str | None = None,
    flows: tuple[FlowRecord, ...] = (),
) -> None:
    """Write the records of a program's trial: every host sends packets to the next one."""
    program = ProgramRecord(
        command=("train",),
        processes=HOSTS,
        hosts=HOSTS,
        shipped_bytes=100,
        throughput=throughput or Throughput(json="speed"),
        warm_up=warm_up,
        began_ns=10 * SECOND,
        ready_ns=10 * SECOND,
        ended_ns=16 * SECOND,
        sent=sent,
    )
    named = {} if model is None else {"model": model}
    reported = FakeTrial(management=management, time=time)
    network = reported._network()
    ports = []
    for rank, host in enumerate(HOSTS):
        classes = tuple(
            ClassRecord(
                name=f"to {other}",
                classid="1:1000",
                priority=1,
                bytes=SEGMENT * count,
                packets=count,
                drops=0,
            )
            for other in HOSTS
            if other != host
            for count in [packets if other == HOSTS[(rank + 1) % 3] else 0]
        )
        port = next(iter(network.ports))
        ports.append(port.model_copy(update={"port": f"{host}->switch1", "classes": classes}))
    # Its first link is full for half of the time, and then empty.
    rate = ports[0].rate_bps // 8
    so_far = (0, rate, 2 * rate, 2 * rate, 2 * rate)
    links = LinkSamplesRecord(
        ports=tuple(port.port for port in ports),
        samples=tuple(((11 + n) * SECOND, count, 0, 0) for n, count in enumerate(so_far)),
    )
    update = {"ports": tuple(ports), "loopback_bytes": {"worker0": 5}, "links": links}
    network = network.model_copy(update={**update, "flows": flows})
    trial = TrialRecord(
        index=index,
        choices=Choices(**named, program="own"),
        repeat=repeat,
        attempt=1,
        outcome="finished",
        error=None,
        seconds=9,
        communication=get_schedule("none"),
        servers=(),
        workers=HOSTS,
        batch=1,
        iterations=5,
        warm_up=2,
        cool_down=1,
        scale=ScaleRecord(rates=time, time=time),
        switch="linux-bridge",
        program=program,
    )
    place = run / "trials" / trial.directory
    place.mkdir(parents=True)
    (place / "trial.json").write_text(json.dumps(trial.as_json()))
    (place / "network.json").write_text(json.dumps(network.as_json()))
    for host in HOSTS:
        (place / f"{host}.jsonl").write_bytes(dump_lines(lines.get(host, ())))


def program_in(tmp_path: Path, lines: Mapping[str, Sequence[PrintedLine]], **how: Any) -> Any:
    """The one trial of a run that has nothing else."""
    run = write_run(tmp_path / "run", [FakeTrial()])
    write_program(run, index=2, lines=lines, **how)
    (trial,) = (one for one in read_run(run).trials if isinstance(one, ProgramTrial))
    return trial
