"""From files to topologies and experiments, with every problem found at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import InputError, Problem
from orchestrator.spec.around import around
from orchestrator.spec.checks.conditions import ConditionsCheck, own_conditions
from orchestrator.spec.checks.exchanges import check_servers
from orchestrator.spec.checks.jobs import check_jobs
from orchestrator.spec.checks.placements import check_placement
from orchestrator.spec.checks.points import check_points
from orchestrator.spec.checks.programs import check_programs
from orchestrator.spec.checks.queues import check_queues
from orchestrator.spec.checks.scale import check_scale
from orchestrator.spec.checks.schedules import check_schedules, known_schedules
from orchestrator.spec.checks.sizes import check_trials, most_workers
from orchestrator.spec.checks.sweeps import check_sweep
from orchestrator.spec.checks.topologies import check_kinds, check_known_devices, check_topology
from orchestrator.spec.experiment.choices import CHOICES
from orchestrator.spec.experiment.experiment import Experiment
from orchestrator.spec.experiment.jobs import Neighbour
from orchestrator.spec.files.custom_schedules import custom_schedules, try_orders
from orchestrator.spec.files.experiment_file import ExperimentFile
from orchestrator.spec.files.own_devices import find_devices
from orchestrator.spec.files.repeated import Groups, write_out
from orchestrator.spec.files.schedule_file import DeviceFile
from orchestrator.spec.files.topology_file import TopologyFile
from orchestrator.spec.files.user_code.models import find_models
from orchestrator.spec.files.user_code.parts import own_code
from orchestrator.spec.files.validation import items, mapping, sound_part, validate
from orchestrator.spec.overrides import Overrides, check_overrides
from orchestrator.spec.placement import Placement
from orchestrator.spec.sweep import Conditions
from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.class_plan import unfit
from orchestrator.spec.traffic.server_exchange import exchange_of
from orchestrator.spec.values.fields import AUTO
from orchestrator.spec.values.text import quoted
from orchestrator.spec.yaml.document import Document, Loc
from orchestrator.spec.yaml.yamlfile import read_document
from workloads.models.devices import DeviceModel, known_devices
from workloads.schedule.library import get_schedule

_OTHER_KIND = "another kind of switch can"
_STDIN = Path("-")
_STAND_INS = {"name": "unnamed", "topology": "-"}  # while the rest of a file is checked


def shown_path(path: Path) -> str:
    """How messages name a file that a person gave; `-` is standard input."""
    return "<stdin>" if path == _STDIN else str(path)


def load_topology(path: Path) -> Topology:
    """Reads a topology file.

    The names of device models are checked for form only: an experiment may bring its own.

    Args:
        path: the file, or `-` for standard input; messages show it as given.

    Raises:
        InputError: with all problems of the file.
    """
    return _topology(_read(path)).topology


def load_cluster(path: Path) -> tuple[Topology, Placement | None]:
    """The same with what the roles of its hosts stand for; None: they have none."""
    named = _topology(_read(path))
    return named.topology, named.by_roles


def load_experiment(path: Path, overrides: Overrides | None = None) -> Experiment:
    """Reads an experiment file and the topology file that it names.

    Args:
        path: the file, or `-` for standard input; messages show it as given.
        overrides: what the command line changes.

    Raises:
        InputError: with all problems of the experiment, its topology and the overrides.
    """
    return _experiment(_read(path), overrides or Overrides())


def load_any(path: Path) -> Topology | Experiment:
    """Reads a topology or an experiment, whichever the file's keys show it to be.

    Args:
        path: the file, or `-` for standard input; messages show it as given.

    Raises:
        InputError: with all problems of the file.
    """
    document = _read(path)
    match _kind(document):
        case "topology":
            return _topology(document).topology
        case "experiment":
            return _experiment(document, Overrides())
        case _:
            message = "neither a topology (key 'links') nor an experiment (key 'models')"
            document.report_at((), message)
            raise InputError(document.sorted_problems())


def _read(path: Path) -> Document:
    return read_document(path, shown_path(path), stdin=path == _STDIN)


def _kind(document: Document) -> str:
    """What a file is, by its keys: "topology", "experiment" or nothing."""
    keys = set(mapping(document.data)) - {"name", "description"}
    if "links" in keys or "models" in keys:
        return "topology" if "links" in keys else "experiment"
    as_topology = keys.intersection(TopologyFile.model_fields)
    as_experiment = keys.intersection(ExperimentFile.model_fields)
    if not as_topology and not as_experiment:
        return ""
    return "topology" if len(as_topology) >= len(as_experiment) else "experiment"


def _expect(document: Document, wanted: str) -> None:
    """Says once that a file is of the other kind, instead of once per key."""
    actual = _kind(document)
    if actual and actual != wanted:
        wanted_text = "an experiment" if wanted == "experiment" else "a topology"
        actual_text = "an experiment" if actual == "experiment" else "a topology"
        document.report_at((), f"expected {wanted_text}, found {actual_text}")
        raise InputError(document.sorted_problems())


@dataclass(frozen=True)
class _Named:
    """What a topology file says.

    Attributes:
        topology: its hosts, switches and links.
        by_roles: what the roles of its hosts stand for; None: they have none.
        groups: the hosts that its repeated hosts stand for.
        devices: those that are files, by how its hosts name them.
    """

    topology: Topology
    by_roles: Placement | None
    groups: Groups
    devices: Mapping[str, DeviceModel]


def _topology(document: Document, devices: Iterable[str] | None = None) -> _Named:
    _expect(document, "topology")
    groups = write_out(document)
    file = validate(document, TopologyFile)
    check_topology(document, groups)
    from_files, in_files = find_devices(document)
    if devices is not None:
        check_known_devices(document, devices)
    if file is not None and not document.problems and not in_files:
        topology = file.resolve()
        placement = file.placement()
        if placement is not None:
            check_queues(document, topology, placement)
        if not document.problems:
            return _Named(topology, placement, groups, from_files)
    raise InputError([*document.sorted_problems(), *in_files])


def _experiment(document: Document, overrides: Overrides) -> Experiment:
    _expect(document, "experiment")
    whole = validate(document, ExperimentFile)
    # One wrong value hides nothing else: what is left of the file is checked like a whole one.
    file = sound_part(document, ExperimentFile, _STAND_INS) if whole is None else whole
    _check_twice(document)
    schedules, orders = custom_schedules(document, file)
    code = own_code(document, schedules)
    own_models = find_models(document, whole)
    known = known_schedules(document)
    check_schedules(document, known)
    own_devices = mapping(mapping(document.data).get("device_models"))
    named, topology_problems = _named_topology(document, [*known_devices(), *own_devices])
    topology = None if named is None else named.topology
    placement = (
        check_placement(document, None, None, {})
        if named is None
        else check_placement(document, named.topology, named.by_roles, named.groups)
    )
    programs = check_programs(
        document,
        file,
        topology,
        placement,
        {} if named is None else named.groups,
        schedules=known,
        only=overrides.programs,
    )
    _check_trained(document)
    scale, option_problems = check_overrides(
        overrides,
        known,
        tuple(map(str, mapping(mapping(document.data).get("programs")))),
        own_models=tuple(own_models),
    )
    if file is not None and not option_problems:
        scale, wrong = check_scale(document, file, programs, scale)
        option_problems += wrong
    switch = overrides.switch or (file.switch if file is not None else AUTO)
    if topology is not None and placement is not None:
        option_problems += _check_switch(document, overrides, switch, topology, placement)
    swept = check_sweep(document, file, topology, placement)
    sweep = swept[0] if swept else None
    points: tuple[Conditions, ...] = ()
    if file is not None and placement is not None:
        workers = most_workers(placement, sweep)
        models = file.models if overrides.models is None else overrides.models
        compared = file.schedules if overrides.schedules is None else overrides.schedules
        repeats = file.repeats if overrides.repeats is None else overrides.repeats
        counts = (len(models), len(compared), len(programs), repeats)
        option_problems += [
            *check_trials(document, overrides, counts, sweep, workers),
            *check_servers(document, schedules, placement, file.schedules, overrides.schedules),
        ]
        if topology is not None:
            check = ConditionsCheck(
                file,
                own_conditions(file, topology, placement, schedules),
                schedules,
                own_models,
                overrides,
                switch,
                code,
                orders,
            )
            points = check_points(document, swept, switch=switch, check=check)
            code = check.code
    jobs = check_jobs(
        document,
        file,
        topology,
        {} if named is None else named.groups,
        custom=schedules,
        schedules=known,
        programs=programs,
    )
    devices: dict[str, DeviceModel] = {}
    if (
        not document.problems
        and file is not None
        and topology is not None
        and placement is not None
    ):
        devices = _devices(
            topology, placement, jobs, file.device_models, {} if named is None else named.devices
        )
        check_kinds(document, file.models, devices)
        try_orders(
            document,
            schedules=schedules,
            orders=orders,
            models=file.models,
            topology=topology,
            placement=placement,
            devices=devices,
            batch=file.batch,
        )
    problems = [*document.sorted_problems(), *topology_problems, *option_problems]
    if whole is None or scale is None or topology is None or placement is None or problems:
        raise InputError(problems)
    file = whole
    names = tuple(file.schedules if overrides.schedules is None else overrides.schedules)
    chosen = [schedules.get(name) or get_schedule(name) for name in names]
    chosen += [
        one.schedules[name] for one in points for name in names if one.schedules[name] not in chosen
    ]
    warm_up, cool_down, added = around(chosen, file.warm_up, file.cool_down)
    return Experiment(
        name=file.name,
        description=file.description.strip(),
        source=document.path,
        topology=topology,
        placement=placement,
        models=tuple(file.models if overrides.models is None else overrides.models),
        schedules=names,
        baseline=file.baseline,
        iterations=file.iterations if overrides.iterations is None else overrides.iterations,
        warm_up=warm_up,
        cool_down=cool_down,
        added=added,
        retries=file.retries,
        repeats=file.repeats if overrides.repeats is None else overrides.repeats,
        batch=file.batch,
        order_of_operations=file.order_of_operations,
        seed=file.seed,
        asked_scale=scale,
        switch=switch,
        congestion_control=file.congestion_control,
        socket_buffers=file.socket_buffers.resolve(),
        learning_rate=file.learning_rate,
        learning=file.learning(),
        own_models=own_models,
        devices=devices,
        custom_schedules=schedules,
        own_orders=orders,
        own_code=code,
        sweep=sweep,
        programs=programs,
        jobs=jobs,
        published={
            model: {schedule: tuple(values) for schedule, values in row.items()}
            for model, row in file.published.items()
        },
    )


def _check_switch(
    document: Document, overrides: Overrides, kind: str, topology: Topology, placement: Placement
) -> list[Problem]:
    """Adds a problem if a kind of switch cannot be; returns it if an option asks for it."""
    if why := unfit(exchange_of(topology, placement.probed).demands, kind):
        if overrides.switch is not None:
            return [Problem("--switch", why, _OTHER_KIND)]
        document.report_at(("switch",), why, _OTHER_KIND)
    return []


def _check_trained(document: Document) -> None:
    """Adds a problem if an experiment trains half of something, or nothing runs in it."""
    data = mapping(document.data)
    trained = [key for key in ("models", "schedules") if key in data]
    if trained or "programs" not in data:
        for key in {"models", "schedules"}.difference(trained):
            document.report_at((key,), f"missing key {quoted(key)}", key=True)


def _named_topology(
    document: Document, devices: Iterable[str]
) -> tuple[_Named | None, list[Problem]]:
    """The topology that an experiment names, or the problems of its file."""
    loc: Loc = ("topology",)
    name = mapping(document.data).get("topology")
    if not isinstance(name, str) or document.is_bad(loc):
        return None, []
    if not name or "\n" in name:
        document.report_at(loc, f"not a path: {quoted(name)}")
        return None, []
    path = document.path.parent / name
    display = os.path.normpath(Path(document.display_path).parent / name)
    try:
        return _topology(read_document(path, display), devices), []
    except InputError as error:
        first = error.problems[0]
        if first.place != display:
            return None, list(error.problems)
        # The file could not be read at all: the problem is reported where its name is written.
        document.report_at(loc, f"topology {display}: {first.message}", first.hint)
        return None, []


def _check_twice(document: Document) -> None:
    for key in CHOICES.values():
        names = items(mapping(document.data).get(key))
        for index, name in enumerate(names):
            if isinstance(name, str) and name in names[:index]:
                document.report_at((key, index), f"{quoted(name)} is listed twice")


def _devices(
    topology: Topology,
    placement: Placement,
    jobs: Mapping[str, Neighbour],
    own: Mapping[str, DeviceFile],
    from_files: Mapping[str, DeviceModel],
) -> dict[str, DeviceModel]:
    used: dict[str, DeviceModel] = {}
    placements = [placement, *(job.training.placement for job in jobs.values() if job.training)]
    for worker in (worker for one in placements for worker in one.workers):
        name = topology.host(worker).device
        if name is None:
            continue
        if name in own:
            used[name] = DeviceModel(name=name, **own[name].model_dump())
        else:
            used[name] = from_files.get(name) or known_devices()[name]
    return used
