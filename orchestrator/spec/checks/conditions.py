"""What an experiment is checked for under conditions: its own, and those of its sweep's points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.orders import OwnOrder
from orchestrator.plugins import OwnCode, OwnModel
from orchestrator.spec.checks.averaging import check_rounds
from orchestrator.spec.checks.exchanges import check_exchanges, check_servers
from orchestrator.spec.checks.learning import check_learning
from orchestrator.spec.checks.operations import check_operations
from orchestrator.spec.checks.sizes import check_units
from orchestrator.spec.files.custom_schedules import orders_of_varied
from orchestrator.spec.files.experiment_file import ExperimentFile
from orchestrator.spec.files.user_code.parts import own_code
from orchestrator.spec.overrides import Overrides
from orchestrator.spec.placement import Placement
from orchestrator.spec.sweep import Conditions
from orchestrator.spec.topology import Topology
from orchestrator.spec.yaml.document import Document
from workloads.schedule.library import SCHEDULES
from workloads.schedule.schedule import Schedule


@dataclass
class ConditionsCheck:
    """Checks an experiment under conditions; keeps users' code that it meets on the way.

    Attributes:
        file: what was read of the experiment.
        base: its own conditions, with all schedules that are known.
        schedules: the experiment's own, by name.
        own_models: users' networks, by name.
        overrides: what the command line says.
        switch: the kind of switch asked for.
        code: users' codecs, exchanges and programs that schedules name.
        orders: users' orders that they name.
    """

    file: ExperimentFile
    base: Conditions
    schedules: Mapping[str, Schedule]
    own_models: Mapping[str, OwnModel]
    overrides: Overrides
    switch: str
    code: OwnCode
    orders: dict[str, OwnOrder]

    def __call__(self, document: Document, at: Conditions) -> None:
        """Adds a problem for all that is wrong under these conditions."""
        before = self.base.schedules
        varied = {name: one for name, one in at.schedules.items() if one != before[name]}
        self.orders.update(orders_of_varied(document, varied))
        self.code = self.code.joined(own_code(document, varied))
        own = {**self.schedules, **varied}
        workers = len(at.placement.workers)
        names = (
            self.file.schedules if self.overrides.schedules is None else self.overrides.schedules
        )
        if at is not self.base:
            check_servers(document, own, at.placement, names, None)
        check_units(document, own, self.file.models, workers)
        check_rounds(document, self.file, at.schedules, self.overrides)
        if not document.problems:
            check_exchanges(
                document,
                own,
                self.code,
                listed=[name for name in names if name in before],
                models=self.file.models,
                network=(at.topology, at.placement),
                switch=self.switch,
            )
        listed = [own.get(name) or before[name] for name in names if name in before]
        check_operations(document, self.file, at, listed)
        check_learning(
            document,
            self.file,
            schedules=own,
            own_models=self.own_models,
            overrides=self.overrides,
            batch=at.batch,
            workers=workers,
        )


def own_conditions(
    file: ExperimentFile, topology: Topology, placement: Placement, own: Mapping[str, Schedule]
) -> Conditions:
    """An experiment's own conditions, with all schedules that are known."""
    return Conditions(
        topology,
        placement,
        file.batch,
        file.congestion_control,
        file.socket_buffers.resolve(),
        {**{one.name: one for one in SCHEDULES}, **own},
        file.order_of_operations,
    )
