"""`placement:` in a file: which hosts of the topology have which part."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestrator.spec.values.fields import FileModel


class PlacementFile(FileModel):
    """Which hosts of the topology have which part."""

    servers: list[str] = Field(
        default=[],
        description="the hosts of the parameter servers; one is enough for most schedules, and a "
        "ring needs none",
    )
    workers: Annotated[list[str], Field(min_length=1)] = Field(
        description="the hosts of the workers, in the order in which their gradients are summed"
    )
