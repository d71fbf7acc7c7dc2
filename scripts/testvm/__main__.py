"""The order of things: root, set-up, two virtual machines side by side, and a table of it all."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scripts.testvm.guest import Guest, Outcome
from scripts.testvm.jobs import FIGURES, GUESTS, Job
from scripts.testvm.mirror import RELEASE, download, find_mirror
from scripts.testvm.rootfs import copy_project, make_image, make_root, set_up

PROJECT = Path(__file__).parents[2]
PACKAGES = ("debootstrap", "user-mode-linux")
PROGRAMS = ("apt-get", "dpkg-deb", "depmod", "mke2fs", "unshare", "chroot", "wget")
NEEDED_BYTES = 6 * 2**30
LARGEST_GUEST_MIB = 6144
GUEST_SECONDS = 1200.0
"""Bounds a hang."""


@dataclass
class Report:
    """What was done, with its minutes: a table, printed as it grows."""

    rows: list[tuple[str, str, str]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    begin: float = field(default_factory=time.monotonic)

    def row(self, what: str, seconds: float | None, passed: bool) -> None:
        spent = "-" if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02}"
        self.rows.append((what, spent, "pass" if passed else "FAIL"))
        if not passed:
            self.failed.append(what)
        say(f"{self.rows[-1][2]} {what} ({spent})")

    @contextlib.contextmanager
    def step(self, what: str, log: Path | None = None) -> Iterator[None]:
        """A step without which the next ones make no sense."""
        say(f"{what} ...")
        begin = time.monotonic()
        try:
            yield
        except (OSError, subprocess.CalledProcessError) as error:
            self.row(what, time.monotonic() - begin, False)
            if log is not None and log.exists():
                sys.stderr.write(log.read_text(errors="replace")[-8000:])
            raise SystemExit(f"test-vm: {error}") from error
        self.row(what, time.monotonic() - begin, True)

    def table(self) -> str:
        """All rows, as Markdown."""
        whole = int(time.monotonic() - self.begin)
        lines = ["| what | min:s | |", "|---|---|---|"]
        lines += [f"| {what} | {spent} | {how} |" for what, spent, how in self.rows]
        return "\n".join([*lines, f"| all of it | {whole // 60}:{whole % 60:02} | |"])


def say(text: str) -> None:
    print(f"test-vm: {text}", file=sys.stderr, flush=True)


def require() -> None:
    """See that this machine can do it.

    Raises:
        SystemExit: it cannot; names what is missing.
    """
    if os.geteuid() != 0:
        raise SystemExit("test-vm: needs root (sudo make test-vm)")
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    os.environ["PATH"] = path
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        raise SystemExit(f"test-vm: needs a Debian with {', '.join(missing)}")
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < NEEDED_BYTES:
        raise SystemExit(
            f"test-vm: {tempfile.gettempdir()} has {free >> 20} MiB, "
            f"{NEEDED_BYTES >> 20} MiB are needed (TMPDIR names another place)"
        )


def guest_memory() -> int:
    """MiB for each of two guests: of what is available, and of the room that it is kept in."""
    pages = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    room = shutil.disk_usage("/dev/shm").free if Path("/dev/shm").is_dir() else pages
    return min(LARGEST_GUEST_MIB, int(min(pages, room) * 0.4) >> 20)


def run_guests(
    machines: Mapping[str, tuple[Job, ...]],
    folder: Path,
    kernel: Path,
    image: Path,
    report: Report,
) -> list[Outcome]:
    """Boot both machines and let them do their jobs; how each job ended."""
    memory = guest_memory()
    until = time.monotonic() + GUEST_SECONDS
    with contextlib.ExitStack() as stack:
        guests = [
            stack.enter_context(
                Guest(folder / name, jobs, kernel=kernel, image=image, memory=memory)
            )
            for name, jobs in machines.items()
        ]
        for guest in guests:
            guest.wait(until)
        ended = [outcome for guest in guests for outcome in guest.outcomes()]
        if not any(outcome.said for outcome in ended):
            sys.stderr.write(guests[0].console()[-8000:])
    for outcome in ended:
        report.row(outcome.job.what, outcome.seconds, outcome.passed)
        if not outcome.passed:
            sys.stderr.write(f"--- {outcome.job.name}\n{outcome.said[-12000:]}\n")
    return ended


def main() -> int:
    """All of it; 0 if everything passed."""
    parser = argparse.ArgumentParser(prog="make test-vm", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the directory behind")
    parser.add_argument(
        "--figures", action="store_true", help="run experiments with delays, and print their tables"
    )
    given = parser.parse_args()
    keep = given.keep
    require()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    report = Report()
    mirror = find_mirror()
    folder = Path(tempfile.mkdtemp(prefix="dmlbed-vm-"))
    say(f"everything is in {folder}" + ("" if keep else ", which goes at the end"))
    tools, root, image = folder / "tools", folder / "root", folder / "image"
    try:
        with report.step(f"fetch {' and '.join(PACKAGES)}"):
            download(PACKAGES, tools)
        log = folder / "debootstrap.log"
        with report.step(f"unpack a bare Debian {RELEASE}", log):
            make_root(root, mirror, tools, log)
        copy_project(PROJECT, root)
        log = folder / "setup.log"
        with report.step("make setup in it, in a directory with a space", log):
            set_up(root, log)
        with report.step("make the image of a disk"):
            make_image(root, image)
        shutil.rmtree(root)
        machines = FIGURES if given.figures else GUESTS
        ended = run_guests(machines, folder, tools / "usr/bin/linux.uml", image, report)
        if given.figures:
            for outcome in ended:
                print(outcome.said)
    finally:
        if report.rows:
            print(report.table())
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
