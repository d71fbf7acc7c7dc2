"""The programs of an experiment: their hosts, files and names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from orchestrator.spec.experiment.programs import Program, pack, pair_demands
from orchestrator.spec.files.experiment_file import ExperimentFile
from orchestrator.spec.files.repeated import Groups
from orchestrator.spec.files.validation import items, mapping
from orchestrator.spec.placement import Placement
from orchestrator.spec.topology import Topology
from orchestrator.spec.values.text import nearest, quoted
from orchestrator.spec.yaml.document import Document, Loc

MAX_FILES_BYTES = 16 * 1024 * 1024
"""Of all files that a program ships: they are a part of the run's plan, and of its records."""
MAX_FILES = 2000
_LEFT_OUT = frozenset({"__pycache__", ".git"})
_SCRIPTS = frozenset({".py", ".sh"})
_LARGE = "name large data in the command by its absolute path: all hosts see this machine's files"


def check_programs(
    document: Document,
    file: ExperimentFile | None,
    topology: Topology | None,
    placement: Placement | None,
    groups: Groups,
    *,
    schedules: Sequence[str],
    only: Sequence[str] | None = None,
) -> dict[str, Program]:
    """The programs of an experiment; adds what is wrong with them to its problems.

    Args:
        document: of the experiment.
        file: the same, validated; None if it could not be.
        topology: that it names; None if it could not be read.
        placement: whose workers are the default hosts.
        groups: the hosts that repeated hosts of the topology stand for.
        schedules: all names of schedules, which no program may have.
        only: names of those that are asked for, beside those that jobs name; None: all.
    """
    _check_hosts(document, topology, groups)
    if file is None or topology is None:
        return {}
    programs_by_name = {}
    of_jobs = {job.program for job in file.jobs.values()}
    for name, one in file.programs.items():
        loc: Loc = ("programs", name)
        if name in schedules:
            hint = "choose another name: both appear in one column"
            document.report_at(loc, f"{quoted(name)} is the name of a schedule", hint, key=True)
        if one.throughput.json_key is None and one.throughput.regex is None:
            message = "missing key 'json' or 'regex'"
            document.report_at((*loc, "throughput"), message, "one says where the number is")
        elif one.throughput.json_key is not None and one.throughput.regex is not None:
            document.report_at((*loc, "throughput"), "both 'json' and 'regex'", "one is enough")
        asked = one.hosts
        hosts = (
            (placement.workers if placement else ())
            if asked is None
            else tuple(host for given in asked for host in groups.get(given, (given,)))
        )
        program = Program(
            name=name,
            command=tuple(one.command),
            hosts=hosts,
            throughput=one.throughput.resolve(),
            environment=dict(one.environment),
            files=_files(document, (*loc, "files"), one.files),
            ready=one.ready,
            start_seconds=one.start,
            warm_up=one.warm_up,
            limit_seconds=one.limit,
            model=one.model,
            sent=one.sent,
        )
        _check_shipped(document, (*loc, "command"), program)
        if not document.is_bad(loc) and not document.is_bad((*loc, "hosts")):
            _check_paths(document, loc, topology, program)
        if only is None or name in only or name in of_jobs:
            programs_by_name[name] = program
    return programs_by_name


def _check_hosts(document: Document, topology: Topology | None, groups: Groups) -> None:
    if topology is None:
        return
    hosts = [host.name for host in topology.hosts]
    for name, one in mapping(mapping(document.data).get("programs")).items():
        for index, host in enumerate(items(mapping(one).get("hosts"))):
            loc: Loc = ("programs", name, "hosts", index)
            if not isinstance(host, str) or host in hosts or host in groups:
                continue
            if host in topology.switches:
                message = f"{quoted(host)} is a switch of {topology.name}"
                document.report_at(loc, message, "no program runs on a switch")
            else:
                hint = nearest(host, [*groups, *hosts], else_list="hosts")
                document.report_at(loc, f"{quoted(host)} is no host of {topology.name}", hint)


def _check_paths(document: Document, loc: Loc, topology: Topology, program: Program) -> None:
    if any(host not in {one.name for one in topology.hosts} for host in program.hosts):
        return
    try:
        pair_demands(topology, {program.name: program})
    except ValueError as error:
        document.report_at(loc, f"its hosts do not all reach each other: {error}", key=True)


def _check_shipped(document: Document, loc: Loc, program: Program) -> None:
    """A script beside the experiment is where a process starts only if `files` has it."""
    for index, word in enumerate(program.command):
        path = Path(word)
        if path.suffix not in _SCRIPTS or path.is_absolute() or path.as_posix() in program.files:
            continue
        if (document.path.parent / path).is_file() and not document.is_bad((*loc[:-1], "files")):
            message = (
                f"{quoted(word)} lies beside this file, but no process finds it where it starts"
            )
            document.report_at((*loc, index), message, f"`files: [{path.as_posix()}]` ships it")


def _files(document: Document, loc: Loc, names: Sequence[str]) -> dict[str, str]:
    """The files that a program ships, packed, by their path."""
    folder = document.path.parent
    packed: dict[str, str] = {}
    left = MAX_FILES_BYTES
    for index, name in enumerate(names):
        here: Loc = (*loc, index)
        place = folder / name
        if not place.exists():
            parent = place.parent
            beside = [one.name for one in parent.iterdir()] if parent.is_dir() else []
            hint = nearest(place.name, beside)
            document.report_at(here, f"no file or folder {quoted(name)} in {folder}", hint)
            continue
        try:
            for path in _below(place):
                size = path.stat().st_size
                left -= size
                if left < 0 or len(packed) >= MAX_FILES:
                    most = f"{MAX_FILES_BYTES // 2**20} MiB in {MAX_FILES} files"
                    document.report_at(here, f"a program ships at most {most}", _LARGE)
                    return packed
                packed[path.relative_to(folder).as_posix()] = pack(path.read_bytes())
        except OSError as error:
            document.report_at(here, f"{quoted(name)} cannot be read: {error.strerror}")
    return packed


def _below(place: Path) -> Iterator[Path]:
    """A file, or all files of a folder, without caches and the like."""
    if not place.is_dir():
        yield place
        return
    for one in sorted(place.iterdir()):
        if one.name not in _LEFT_OUT and (one.is_file() or not one.is_symlink()):
            yield from _below(one)
