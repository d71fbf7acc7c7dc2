"""Output whose reader has gone, or was never there, ends nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.terminal.streams import READER_GONE, Outlet

# Tells on file descriptor 3 what became of it.
_PROGRAM = """
import os, sys
from orchestrator.terminal.streams import finished, prepare
prepare()
{body}
status = finished({status})
os.write(3, f"went on to its end {{status}}".encode())
sys.exit(status)
"""


def ended(body: str, redirection: str, status: int = 0) -> tuple[int, str]:
    """Exit status of a program under a shell's redirection, and what it told."""
    read, write = os.pipe()
    program = _PROGRAM.format(body=body, status=status)
    script = f'exec 3>&{write}; "$0" -c "$1" {redirection}; exit ${{PIPESTATUS[0]}}'
    with os.fdopen(read) as told:
        try:
            done = subprocess.run(
                ["bash", "-c", script, sys.executable, program],
                pass_fds=(write,), env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                check=False,
            )  # fmt: skip
        finally:
            os.close(write)
        return done.returncode, told.read()


# Waits until the reader has gone, and writes more than a pipe holds.
_MUCH = """
import select
poll = select.poll(); poll.register(1, 0); poll.poll()
for _ in range(3): print("x" * 100_000)
"""


def test_the_reader_of_standard_output_has_gone() -> None:
    assert ended(_MUCH, "| true") == (READER_GONE, f"went on to its end {READER_GONE}")


def test_an_error_of_the_program_counts_for_more() -> None:
    assert ended(_MUCH, "| true", status=4) == (4, "went on to its end 4")


def test_the_reader_of_standard_error_has_gone() -> None:
    body = _MUCH.replace("register(1", "register(2").replace("000)", "000, file=sys.stderr)")
    assert ended(body, "2> >(true)") == (0, "went on to its end 0")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_what_was_closed_is_open(closed: str, tmp_path: Path) -> None:
    # Whatever is opened next gets none of the three numbers, and programs inherit all of them.
    body = (
        f"number = os.open({str(tmp_path / 'file')!r}, os.O_CREAT | os.O_WRONLY)\n"
        "assert number > 2, number\n"
        "print('something'); print('something', file=sys.stderr); "
        f"assert {'sys.stdin is None' if '<' in closed else 'not sys.stdin.read()'}\n"
        "import subprocess\n"
        "subprocess.run(['sh', '-c', 'true <&0 && echo >&1 && echo >&2'], check=True)"
    )
    stdin = "" if "<" in closed else "</dev/null"
    assert ended(body, f"{stdin} >/dev/null 2>/dev/null {closed}") == (0, "went on to its end 0")


def test_a_full_disk_is_an_error_once() -> None:
    outlet = Outlet(os.open("/dev/full", os.O_WRONLY))
    with pytest.raises(OSError, match="No space left"):
        outlet.write(b"x")
    assert outlet.write(b"x") == 1
    assert not outlet.reader_gone


def test_a_pipe_that_somebody_made_non_blocking() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    full = 0
    while True:
        try:
            full += os.write(write, b"x" * 65536)
        except BlockingIOError:
            break
    reader = subprocess.Popen(["cat"], stdin=read, stdout=subprocess.DEVNULL)
    os.close(read)
    assert Outlet(write).write(b"y") == 1
    os.close(write)
    assert reader.wait(timeout=60) == 0
