"""The standard streams of our processes: always open, and never a reason to fail.

The reader of our output may leave before its end (`| head -1`), or there may be none (`2>&-`). What
is not read is dropped, and the work continues: a run keeps its trials. The verb then ends with
`READER_GONE`. Standard library only, and little of it: this comes before all other imports.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import TextIO

from orchestrator.terminal.letters import HANDLER, register

READER_GONE = 141
"""Exit code where all went well, but the reader of standard output left before its end: what a
shell shows for a program that SIGPIPE ended."""


def prepare() -> None:
    """Open what is closed, and let output outlive its readers; the first thing a process does.

    `sys.stdin` stays None where it was closed: whoever wants to read it must know.
    """
    if _outlet(sys.stdout) and _outlet(sys.stderr):
        return
    for descriptor in (0, 1, 2):
        _open(descriptor)
    register()
    sys.stdout = _stream(1, sys.stdout)
    sys.stderr = _stream(2, sys.stderr)


def finished(status: int) -> int:
    """The exit status of a process that would end with `status`: `READER_GONE` in place of 0.

    Raises:
        OSError: what was left could not be written, and not for want of a reader.
    """
    sys.stderr.flush()
    sys.stdout.flush()
    outlet = _outlet(sys.stdout)
    gone = outlet is not None and outlet.reader_gone
    return READER_GONE if gone and status == 0 else status


class Outlet(io.FileIO):
    """An open file for output; what is written after its reader has gone is dropped.

    Attributes:
        reader_gone: whether anything was dropped for that reason.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self.reader_gone = False
        self._failed = False
        self._terminal = self.isatty()

    def write(self, data: object) -> int:
        """Write some of the bytes; how many.

        Raises:
            OSError: it failed, for the first time, and not for want of a reader.
        """
        content = memoryview(data)  # type: ignore[arg-type]
        while not (self.reader_gone or self._failed):
            try:
                count = super().write(content)
            except OSError as error:
                # A terminal that has hung up answers with EIO.
                if error.errno == errno.EPIPE or (error.errno == errno.EIO and self._terminal):
                    self.reader_gone = True
                    break
                self._failed = True  # it would fail once more when Python ends
                raise
            if count is not None:
                return count
            # Another process has made the pipe non-blocking.
            select.select([], [self], [])
        return content.nbytes


def _outlet(stream: TextIO | None) -> Outlet | None:
    """The end of a stream, if it is one of ours."""
    outlet = getattr(getattr(stream, "buffer", None), "raw", None)
    return outlet if isinstance(outlet, Outlet) else None


def _open(descriptor: int) -> None:
    """Open /dev/null where nothing is: else the next file or socket would get this number."""
    try:
        os.fstat(descriptor)
    except OSError:
        opened = os.open(os.devnull, os.O_RDONLY if descriptor == 0 else os.O_WRONLY)
        if opened != descriptor:
            os.dup2(opened, descriptor)
            os.close(opened)
    # Python opens files that programs do not inherit; these they must.
    os.set_inheritable(descriptor, True)


def _stream(descriptor: int, before: TextIO | None) -> TextIO:
    """Text in the encoding of the stream before; line by line for people and on standard error."""
    encoding = "utf-8" if before is None else before.encoding
    buffer = io.BufferedWriter(Outlet(descriptor))
    by_line = descriptor == 2 or buffer.isatty()
    return io.TextIOWrapper(buffer, encoding, HANDLER, line_buffering=by_line)
