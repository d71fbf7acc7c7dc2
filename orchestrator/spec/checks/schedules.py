"""Whether the schedules that an experiment names are known."""

from __future__ import annotations

from typing import Any

from orchestrator.spec.files.validation import items, mapping
from orchestrator.spec.values.fields import unknown
from orchestrator.spec.values.text import quoted
from orchestrator.spec.yaml.document import Document, Loc
from workloads.schedule.library import schedule_names


def known_schedules(document: Document) -> tuple[str, ...]:
    """Names of the library's schedules and of the experiment's own."""
    own = mapping(mapping(document.data).get("custom_schedules"))
    return tuple(dict.fromkeys((*schedule_names(), *map(str, own))))


def check_schedules(document: Document, known: tuple[str, ...]) -> None:
    """Adds a problem for each schedule that is named and not known."""
    data = mapping(document.data)
    named: list[tuple[Loc, Any]] = [
        (("schedules", index), name) for index, name in enumerate(items(data.get("schedules")))
    ]
    if "baseline" in data:
        named.append((("baseline",), data["baseline"]))
    for model, row in mapping(data.get("published")).items():
        named += [(("published", model, name), name) for name in mapping(row)]
    for loc, name in named:
        if isinstance(name, str) and not document.is_bad(loc):
            wrong = unknown("schedule", name, known)
            if wrong is not None:
                key = loc[0] == "published"
                document.report_at(loc, str(wrong), wrong.hint, key=key)
            elif (
                loc == ("baseline",)
                and "schedules" in data
                and name not in items(data.get("schedules"))
            ):
                message = f"baseline {quoted(name)} is none of the schedules"
                document.report_at(loc, message, "name one of them, or add it to `schedules`")
