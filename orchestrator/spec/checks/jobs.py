"""The jobs beside the measured one: what each is, its hosts, and what its schedule may do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.spec.checks.operations import check_job_memory
from orchestrator.spec.checks.placements import placed_at
from orchestrator.spec.experiment.jobs import Neighbour, Training
from orchestrator.spec.experiment.programs import Program
from orchestrator.spec.files.experiment_file import ExperimentFile
from orchestrator.spec.files.job_file import JobFile, SizesFile
from orchestrator.spec.files.repeated import Groups
from orchestrator.spec.files.validation import mapping
from orchestrator.spec.placement import Placement
from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.graph import path
from orchestrator.spec.values.fields import unknown
from orchestrator.spec.values.text import nearest, quoted
from orchestrator.spec.yaml.document import Document, Loc
from workloads.library import PARAMETER_SERVER
from workloads.schedule.library import get_schedule
from workloads.schedule.schedule import Schedule

_KINDS = (
    "give `traffic: {from: a host, to: a host, rate: 300 Mbps}`, or `model` and `placement`, or"
    " `program`"
)
_OF_TRAINING = ("model", "schedule", "placement", "batch")


@dataclass(frozen=True)
class _Known:
    """What a job may name.

    Attributes:
        topology: with its hosts.
        groups: the hosts that repeated hosts of the topology stand for.
        custom: the experiment's own schedules.
        schedules: names of all of them.
        measured: those of the measured job.
        batch: of the experiment.
        programs: of the experiment.
    """

    topology: Topology
    groups: Groups
    custom: Mapping[str, Schedule]
    schedules: Sequence[str]
    measured: Sequence[str]
    batch: int
    programs: Mapping[str, Program]


def check_jobs(
    document: Document,
    file: ExperimentFile | None,
    topology: Topology | None,
    groups: Groups,
    *,
    custom: Mapping[str, Schedule],
    schedules: Sequence[str],
    programs: Mapping[str, Program],
) -> dict[str, Neighbour]:
    """The jobs of an experiment; adds what is wrong with them to its problems.

    Args:
        document: of the experiment.
        file: the same, validated; None if it could not be.
        topology: that it names; None if it could not be read.
        groups: the hosts that repeated hosts of the topology stand for.
        custom: the experiment's own schedules.
        schedules: names of all that it may name.
        programs: of the experiment.
    """
    if topology is None:
        return {}
    for name, given in mapping(mapping(document.data).get("jobs")).items():
        _check_ends(document, ("jobs", name, "traffic"), mapping(given).get("traffic"), topology)
        if document.is_cut(("jobs", name)) and "placement" in mapping(given):
            placed_at(document, ("jobs", name, "placement"), topology, groups)
    if file is None:
        return {}
    if file.jobs and file.sweep is not None:
        hint = "sweep without jobs, or write an experiment for each point"
        document.report_at(("jobs",), "a sweep has no jobs beside it", hint, key=True)
    known = _Known(topology, groups, custom, schedules, file.schedules, file.batch, programs)
    jobs_by_name = {}
    for number, (name, one) in enumerate(file.jobs.items(), start=1):
        loc: Loc = ("jobs", name)
        if document.is_cut(loc):
            continue
        job = Neighbour(name, number, one.alone)
        if one.program is not None:
            job = _program(document, loc, one, job, known)
        elif one.traffic is None:
            job = replace(job, training=_training(document, loc, one, known))
        elif not _is_wrong(document, loc, one, topology):
            job = replace(job, traffic=one.traffic.resolve())
        jobs_by_name[name] = job
    if not document.problems:
        check_job_memory(document, file, topology, jobs_by_name.values(), custom)
    return jobs_by_name


def _program(
    document: Document, loc: Loc, one: JobFile, job: Neighbour, known: _Known
) -> Neighbour:
    _check_no(document, loc, one, "a program", ("traffic", *_OF_TRAINING))
    name = one.program or ""
    if document.is_cut(("programs", name)):
        return job
    wrong = unknown("program", name, tuple(known.programs))
    if wrong is not None:
        document.report_at((*loc, "program"), str(wrong), wrong.hint or "name it in `programs`")
        return job
    return replace(job, program=name, hosts=known.programs[name].hosts)


def _check_no(document: Document, loc: Loc, one: JobFile, what: str, keys: Sequence[str]) -> None:
    for key in keys:
        if getattr(one, key) is not None:
            document.report_at((*loc, key), f"{what} has no {quoted(key)}", _KINDS, key=True)


def _is_wrong(document: Document, loc: Loc, one: JobFile, topology: Topology) -> bool:
    _check_no(document, loc, one, "traffic", _OF_TRAINING)
    _check_traffic(document, (*loc, "traffic"), one, topology)
    return any(bad[:2] == loc for bad in document.bad)


def _training(document: Document, loc: Loc, one: JobFile, known: _Known) -> Training | None:
    missing = [key for key in ("model", "placement") if getattr(one, key) is None]
    if missing:
        document.report_at(loc, f"missing key {quoted(missing[0])}", _KINDS, key=True)
    for schedule in known.measured if one.schedule is None else (one.schedule,):
        _check_schedule(document, loc, one, schedule, known)
    placement: Placement | None = None
    if one.placement is not None:
        place = (*loc, "placement")
        placement = placed_at(document, place, known.topology, known.groups)
    if placement is not None and not placement.servers:
        message = "a training beside the measured one has a parameter server, and none is placed"
        document.report_at((*loc, "placement"), message, "name a host in `servers`", key=True)
        return None
    if one.model is None or placement is None:
        return None
    for worker in placement.workers:
        if known.topology.host(worker).batch is not None:
            message = f"worker {quoted(worker)} has a batch of its own in the topology"
            hint = "only workers of the measured training may"
            document.report_at((*loc, "placement"), message, hint)
            return None
    return Training(one.model, one.schedule or "", placement, one.batch or known.batch)


def _check_schedule(
    document: Document, loc: Loc, one: JobFile, schedule: str, known: _Known
) -> None:
    """Adds a problem if a job cannot have a schedule: its own, or one of the measured job's."""
    at = loc if one.schedule is None else (*loc, "schedule")
    wrong = unknown("schedule", schedule, tuple(known.schedules))
    if wrong is not None:
        if one.schedule is not None:
            document.report_at(at, str(wrong), wrong.hint)
        return
    what = known.custom.get(schedule) or get_schedule(schedule)
    named = quoted(schedule) if one.schedule else f"{quoted(schedule)}, as the measured job's,"
    if what.at_switch or what.flows is not None:
        hint = "name a `schedule` that acts at hosts: switches order the measured job"
        document.report_at(at, f"{named} acts at switches", hint, key=one.schedule is None)
    if what.exchange != PARAMETER_SERVER:
        hint = "name a `schedule`: a training beside the measured one has a parameter server"
        message = f"{named} has the exchange {quoted(what.exchange)}"
        document.report_at(at, message, hint, key=one.schedule is None)
    elif not what.one_server:
        hint = "name a `schedule`: a training beside the measured one has one parameter server"
        document.report_at(at, f"{named} has several servers", hint, key=one.schedule is None)


def _check_ends(document: Document, loc: Loc, traffic: object, topology: Topology) -> None:
    hosts = [host.name for host in topology.hosts]
    for key in ("from", "to"):
        name = mapping(traffic).get(key)
        if not isinstance(name, str) or name in hosts:
            continue
        if name in topology.switches:
            message = f"{quoted(name)} is a switch of {topology.name}"
            document.report_at((*loc, key), message, "traffic goes from a host to a host")
        else:
            hint = nearest(name, hosts, else_list="hosts")
            document.report_at((*loc, key), f"{quoted(name)} is no host of {topology.name}", hint)


def _check_traffic(document: Document, loc: Loc, one: JobFile, topology: Topology) -> None:
    traffic = one.traffic
    assert traffic is not None
    if document.is_bad((*loc, "from")) or document.is_bad((*loc, "to")):
        return
    if traffic.from_ == traffic.to:
        message = f"from {quoted(traffic.to)} to itself"
        document.report_at((*loc, "to"), message, "such traffic crosses no link")
        return
    _check_sizes(document, (*loc, "sizes"), traffic.sizes)
    for key in ("on", "off"):
        if key in traffic.model_fields_set and traffic.pattern != "on-off":
            message = (
                f"{quoted(key)} is of the pattern 'on-off' only, found {quoted(traffic.pattern)}"
            )
            document.report_at((*loc, key), message, "add `pattern: on-off`, or leave it out")
    try:
        path(topology, traffic.from_, traffic.to)
    except ValueError:
        message = f"{quoted(traffic.from_)} cannot reach {quoted(traffic.to)}"
        document.report_at(loc, message, f"no chain of links of {topology.name} joins them")


def _check_sizes(document: Document, loc: Loc, sizes: SizesFile) -> None:
    given = list(sizes.given())
    if len(given) > 1:
        document.report_at(loc, f"both {quoted(given[0])} and {quoted(given[1])}", "one is enough")
    if "shape" in sizes.model_fields_set and "pareto" not in given:
        document.report_at((*loc, "shape"), "'shape' is of 'pareto' only")
