"""Trainings of real processes on loopback addresses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.orders import ORDERS, computation, ranks_of, setting_of
from tests.unit.workloads.forked import Forked
from workloads.models.devices import DeviceModel
from workloads.models.profiles import load_model
from workloads.schedule.library import get_schedule
from workloads.schedule.schedule import Schedule
from workloads.schedule.units import Layout

ROOT = Path(__file__).parents[3]
PATIENCE = 60  # seconds; only a defect takes longer

INSTANT = {
    "name": "instant",
    "seconds_per_megabyte_of_parameters": 0.0,
    "seconds_per_gmac": 0.0,
    "seconds_per_depthwise_layer": 0.0,
    "seconds_per_megabyte_coded": {},
}


class Process:
    """One `python -m workloads`, its events and how it ended."""

    def __init__(self, job_file: Path) -> None:
        self.popen = Forked(job_file, ROOT)

    def event(self, name: str) -> dict[str, Any]:
        """Read events until one of that name comes."""
        for line in self.popen.stdout:
            event: dict[str, Any] = json.loads(line)
            if event["event"] == name:
                return event
        raise AssertionError(f"no event {name!r}: {self.ended()}")

    def ended(self) -> tuple[int, str]:
        """Wait for the end; return exit status and stderr."""
        return self.popen.communicate(PATIENCE)


def order_fields(job: Mapping[str, Any]) -> dict[str, Any]:
    """What all programs are told of a schedule's order: each gets its part."""
    section = job["section"]
    given, model = section["schedule"], load_model(section["model"])
    schedule = Schedule(**given) if isinstance(given, dict) else get_schedule(given)
    order, scale = ORDERS[schedule.order], section["scale"]
    number, workers = section.get("worker", 0), len(section["workers"])
    setting = setting_of(
        model,
        Layout(model, scale["rates"], scale["time"], schedule.slice_bytes),
        stretch=scale["rates"] / scale["time"],
        workers=[computation(model, DeviceModel("instant", 0.0, 0.0, 0.0), 1)] * workers,
        seconds_per_byte=1e-8,
        shared=True,
        barrier=schedule.barrier,
        seed=job["seed"],
        repeat=section["repeat"],
    )
    count = section["warm_up"] + section["iterations"] + section["cool_down"]
    ranks = ranks_of(order, schedule, setting, count)
    return {
        "turns": ranks.turns,
        "one_queue": ranks.one_queue,
        "answer_ranks": [list(row) for row in ranks.answers],
        "push_ranks": list(ranks.pushes[number]),
        "pulls": [list(row) for row in ranks.pulls[number]],
    }


class Bench:
    """Starts processes with jobs that differ from a small default, and ends them all."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._processes: list[Process] = []

    def job(self, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return a job; the name decides the program.

        Args:
            changes: by key, wherever in the job that key is; `address` and `port` are the parameter
                server's. Others go into the section. A text such as "endpoints.mtu" says where a
                key goes.
        """
        number = None if name == "ps" else int(name.removeprefix("worker"))
        workers = changes.get("workers", ["worker0", "worker1", "worker2"])
        peers = len(workers) if number is None else 1
        job: dict[str, Any] = {
            "host": name,
            "program": "server" if number is None else "worker",
            "records": str(self.records_file(name)),
            "seed": 7,
            "congestion_control": "cubic",
            "endpoints": {
                "server": "ps",
                "peers": {"ps": {"address": "127.0.0.1", "port": 0}},
                "bind": "127.0.0.1" if number is None else f"127.0.0.{number + 2}",
                "receive_buffer_bytes": 65536,
                "send_buffer_bytes": [65536] * peers,
                "flow_dscp": [0],
            },
            "limits": {"silence_seconds": 30},
            "section": {
                "workers": workers,
                "members": {"servers": ["ps"], "ring": [], "groups": [], "shares": {}},
                "model": "alexnet",
                "schedule": "none",
                "scale": {"rates": 1, "time": 0.005},
                "batch": 1,
                "iterations": 2,
                "warm_up": 1,
                "cool_down": 0,
                "repeat": 0,
                "learning_rate": 0.01,
                "learning": {},
                "checkpoints": None,
                **({} if number is None else {"worker": number, "device": INSTANT, "cores": None}),
            },
        }
        for key, value in changes.items():
            parts = [part for part in ("endpoints", "limits") if key in job[part]]
            place, _, last = key.rpartition(".")
            parts += [place] if place in job else []
            where = job if key in job else job[(*parts, "section")[0]]
            if key in ("address", "port"):
                where = job["endpoints"]["peers"]["ps"]
            where[last] = value
        return self._ordered(job, changes)

    def _ordered(self, job: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
        """Add an order's ranks; in a wrong job they do not matter."""
        try:
            ranks = order_fields(job)
        except (ArithmeticError, LookupError, TypeError, ValueError):
            ranks = {"turns": False, "one_queue": False, "answer_ranks": [[0]]}
            ranks |= {"push_ranks": [0], "pulls": [[0]]}
        ps = job["host"] == "ps"
        other = ("push_ranks", "pulls") if ps else ("one_queue", "answer_ranks")
        for key, value in ranks.items():
            if key not in other and key not in changes:
                job["section"][key] = value
        return job

    def records_file(self, name: str) -> Path:
        return self._directory / f"{name}.jsonl"

    def start(self, name: str, **changes: Any) -> Process:
        file = self._directory / f"{name}-{len(self._processes)}.json"
        file.write_text(json.dumps(self.job(name, changes)))
        return self.start_file(file)

    def start_file(self, file: Path) -> Process:
        process = Process(file)
        self._processes.append(process)
        return process

    def records(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.records_file(name).read_text().splitlines()]

    def train(self, delays: tuple[float, ...] = (0.0, 0.0, 0.0), **changes: Any) -> str:
        """Train with three workers, slowed down by seconds per gmac; return the digest."""
        ps = self.start("ps", **changes)
        port = ps.event("listening")["port"]
        workers = [
            self.start(
                f"worker{number}",
                **{"port": port, "device": {**INSTANT, "seconds_per_gmac": delay}, **changes},
            )
            for number, delay in enumerate(delays)
        ]
        ends = [process.ended() for process in (ps, *workers)]
        assert ends == [(0, "")] * len(ends)
        digest: str = self.records("ps")[-1]["parameters_sha256"]
        return digest

    def close(self) -> None:
        for process in self._processes:
            process.popen.close()
