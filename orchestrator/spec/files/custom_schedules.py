"""The custom schedules of an experiment: their choices, and user-defined orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator.orders import (
    ORDERS,
    OrderError,
    OwnOrder,
    computation,
    incompatibility,
    ranks_of,
    setting_of,
)
from orchestrator.plugins import PluginError
from orchestrator.spec.files.experiment_file import ExperimentFile
from orchestrator.spec.placement import Placement
from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.members import members_of
from orchestrator.spec.values.text import quoted
from orchestrator.spec.yaml.document import Document, Loc
from workloads.models.devices import DeviceModel
from workloads.models.profiles import load_model
from workloads.schedule.library import schedule_names
from workloads.schedule.owners import layout_of
from workloads.schedule.schedule import Schedule


def custom_schedules(
    document: Document, file: ExperimentFile | None
) -> tuple[dict[str, Schedule], dict[str, OwnOrder]]:
    """The experiment's own schedules, and the user-defined orders that they name.

    Adds a problem for each whose choices contradict each other or whose order cannot be found.
    """
    schedules: dict[str, Schedule] = {}
    orders: dict[str, OwnOrder] = {}
    for name, choices in (file.custom_schedules if file is not None else {}).items():
        loc: Loc = ("custom_schedules", name)
        if name in schedule_names():
            hint = "choose another name"
            document.report_at(loc, f"{quoted(name)} is the library's own schedule", hint, key=True)
        own_order = _own_order(document, (*loc, "order"), choices.order)
        order = ORDERS.get(choices.order) if own_order is None else own_order.instance
        try:
            schedule = choices.resolve(name)
            why = "" if order is None else incompatibility(schedule, order)
        except ValueError as error:
            why = str(error)
        if why:
            document.report_at(loc, f"schedule {quoted(name)} contradicts itself: {why}", key=True)
            continue
        schedules[name] = schedule
        if own_order is not None:
            orders[choices.order] = own_order
    return schedules, orders


def orders_of_varied(document: Document, schedules: Mapping[str, Schedule]) -> dict[str, OwnOrder]:
    """The user-defined orders of schedules at a point of a sweep.

    Adds a problem for each whose order cannot be found, or does not go with its other choices.
    """
    orders: dict[str, OwnOrder] = {}
    for name, schedule in schedules.items():
        loc: Loc = ("custom_schedules", name)
        own_order = _own_order(document, (*loc, "order"), schedule.order)
        if own_order is not None:
            orders[schedule.order] = own_order
        order = ORDERS.get(schedule.order) if own_order is None else own_order.instance
        why = "" if order is None else incompatibility(schedule, order)
        if why:
            document.report_at(loc, f"schedule {quoted(name)} contradicts itself: {why}", key=True)
    return orders


def _own_order(document: Document, loc: Loc, name: str) -> OwnOrder | None:
    """The user-defined order of that name; None if it is the library's, or a problem."""
    if name in ORDERS:
        return None
    try:
        return OwnOrder.find(name, document.path.parent)
    except PluginError as error:
        document.report_at(loc, error.message, error.hint)
        return None


def try_orders(
    document: Document,
    *,
    schedules: Mapping[str, Schedule],
    orders: Mapping[str, OwnOrder],
    models: Iterable[str],
    topology: Topology,
    placement: Placement,
    devices: Mapping[str, DeviceModel],
    batch: int,
) -> None:
    """Asks every user-defined order for all models, and adds a problem if one fails.

    At the real scale, and with the slowest link for the path: what is asked before a trial differs
    in its figures, not in its shape.
    """
    slowest = min(min(link.forward.rate_bps, link.reverse.rate_bps) for link in topology.links)
    hosts = [topology.host(worker) for worker in placement.workers]
    workers = [devices[one.device].at_batch(one.batch) for one in hosts if one.device is not None]
    for name, schedule in schedules.items():
        if schedule.order not in orders:
            continue
        order = orders[schedule.order].instance
        members = members_of(topology, placement, schedule)
        for model in map(load_model, models):
            setting = setting_of(
                model,
                layout_of(model, members),
                stretch=1,
                workers=[computation(model, device, batch) for device in workers],
                seconds_per_byte=8 * len(workers) / slowest,
                shared=True,
                barrier=schedule.barrier,
                seed=0,
                repeat=0,
            )
            try:
                ranks_of(order, schedule, setting, iterations=2)
            except OrderError as error:
                loc: Loc = ("custom_schedules", name, "order")
                document.report_at(loc, str(error))
                break
