"""Tables of `dmlbed plan`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator.emulation.limits.caps import HostCaps, limits_text
from orchestrator.session.inner.progress import clock_text
from orchestrator.spec import EVERY_CHOICE, rate_text
from orchestrator.terminal.tables import Column, FittedTable


def trial_table(planned: dict[str, Any]) -> FittedTable:
    """The trials of a plan, in their order."""
    chosen = [name for name in EVERY_CHOICE if any(name in trial for trial in planned["trials"])]
    titles = ("trial", *chosen, "repeat", "at most")
    table = FittedTable([Column(title) for title in titles], keys=1 + len(chosen), lines=True)
    for trial in planned["trials"]:
        table.add(
            str(trial["index"]),
            *(trial.get(name, "") for name in chosen),
            str(trial["repeat"]),
            clock_text(trial["seconds"]),
        )
    return table


def port_table(planned: dict[str, Any]) -> FittedTable:
    """The ports of a plan, with the classes of each schedule."""
    by_schedule = list(planned["ports"].values())
    # Most links have none.
    delays = ["delay"] if any(shape["delay_us"] for shape in by_schedule[0]) else []
    titles = ("port", "rate", *delays, "queue of\na class")
    schedules = (Column(name, words=True) for name in planned["ports"])
    table = FittedTable([*(Column(title) for title in titles), *schedules], lines=True)
    for number, shape in enumerate(by_schedule[0]):
        table.add(
            shape["port"],
            rate_text(shape["rate_bps"]),
            *(f"{shape['delay_us'] / 1000:.4g} ms" for _ in delays),
            f"{shape['queue_bytes'] / 1024:g} KiB",
            *(_in_order(shapes[number]) for shapes in by_schedule),
        )
    return table


def _in_order(shape: dict[str, Any]) -> str:
    """`ack > worker0 > data`; with `=` behind those that are apart only to be counted."""
    others, last = shape["classes"][:-1], str(shape["classes"][-1])
    signs = dict.fromkeys(shape["counted"], " = ")
    return "".join(f"{name}{signs.get(name, ' > ')}" for name in others) + last


def cap_table(caps: Sequence[HostCaps]) -> FittedTable:
    """What hosts are capped to, asked and enforced."""
    words = (Column(title, words=True) for title in ("caps asked", "enforced here", "why not"))
    table = FittedTable((Column("host"), *words), lines=True)
    for cap in caps:
        asked, enforced = (limits_text(limits) or "none" for limits in (cap.asked, cap.enforced))
        table.add(cap.host, asked, enforced, "; ".join(cap.why_not))
    return table
