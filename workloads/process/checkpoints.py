"""Checkpoints: what a process needs to continue a training, in files that are whole or not there.

Each process of a trial writes its own, named after it and the number of iterations that are over.
A training continues from the last number that all of its processes have written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from workloads.errors import WorkloadError

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEPT = 2
"""Of each process: the last one may be there of some and not yet of others."""
_NAME = re.compile(r"(?P<process>.+)-(?P<iterations>\d+)\.npz")

Arrays: TypeAlias = "Mapping[str, NDArray[Any]]"


@dataclass(frozen=True)
class Checkpoints:
    """Where a trial's checkpoints are, and how often one is written.

    Attributes:
        directory: on this machine, which all hosts share.
        every: iterations between two.
        after: iterations that were over when this training began; 0: it begins anew.
    """

    directory: Path
    every: int
    after: int = 0

    def as_job(self) -> dict[str, Any]:
        """What a job says of them, ready for JSON."""
        return {"directory": str(self.directory), "every": self.every, "after": self.after}

    def due(self, iterations: int) -> bool:
        """Whether to write one when this process has done this number of iterations."""
        return iterations > 0 and not (self.after + iterations) % self.every

    def write(self, process: str, iterations: int, arrays: Arrays) -> None:
        """Write a process's checkpoint, and remove what it no longer needs.

        Args:
            process: its name.
            iterations: of this training that are over, without those before it.
            arrays: all that it needs to continue.

        Raises:
            WorkloadError: it cannot be written.
        """
        import numpy as np  # here: who plans a run imports this module, and has no arrays

        path = self._file(process, self.after + iterations)
        values: dict[str, Any] = dict(arrays)
        partial = path.with_name(f".{path.name}")
        try:
            with partial.open("wb") as file:
                np.savez(file, **values)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
            written = sorted(self.directory.glob(f"{process}-*.npz"))
            for old in written[:-KEPT]:
                old.unlink()
        except OSError as error:
            raise WorkloadError(f"cannot write the checkpoint {path}: {error.strerror}") from None

    def read(self, process: str) -> dict[str, NDArray[Any]]:
        """What a process wrote before this training.

        Raises:
            WorkloadError: it cannot be read.
        """
        import numpy as np

        path = self._file(process, self.after)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return dict(arrays)
        except (OSError, ValueError) as error:
            raise WorkloadError(f"cannot read the checkpoint {path}: {error}") from None

    def _file(self, process: str, iterations: int) -> Path:
        return self.directory / f"{process}-{iterations:08d}.npz"


def last_of_all(directory: Path, processes: Iterable[str], most: int) -> int:
    """After how many iterations all of the processes have a checkpoint; 0: never.

    Args:
        directory: of a trial's checkpoints; it need not be there.
        processes: their names.
        most: no more iterations than these.
    """
    written: dict[str, set[int]] = {process: set() for process in processes}
    for path in directory.glob("*.npz"):
        parts = _NAME.fullmatch(path.name)
        if parts and parts["process"] in written:
            written[parts["process"]].add(int(parts["iterations"]))
    common = set.intersection(*written.values()) if written else set()
    return max((number for number in common if number <= most), default=0)
