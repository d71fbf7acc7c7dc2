"""What is trained, on what: all that bounds and predictions depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from orchestrator.plugins import OwnCode
from orchestrator.predict.bounds.lower import LowerBound, lower_bound
from orchestrator.predict.coding import coding_devices
from orchestrator.predict.network.loads import Goodputs
from orchestrator.predict.network.server_loads import ServerLoad, server_loads
from orchestrator.predict.network.windows import capped, delays_seconds, window_limits
from orchestrator.spec import (
    CodedModel,
    Experiment,
    Scale,
    ServerExchange,
    SocketBuffers,
    coded_model,
)
from workloads.models.devices import DeviceModel
from workloads.models.profiles import Model
from workloads.schedule.schedule import Schedule


@dataclass(frozen=True)
class Case:
    """What is trained, on what.

    Attributes:
        exchange: the parameter server, its workers and their network.
        model: what is trained.
        devices: by the names that the workers have for them.
        batch: images per worker and iteration.
        goodputs: measured payload of ports in bit/s; others carry 1448/1514 of their rate.
        buffers: TCP's, as they are asked for.
        scale: whose windows count; that of the real system if it is not said.
        least: whether windows let through the least that they may, instead of the most.
        code: what schedules may name that is not ours, as far as it is here.
        sent: the bytes that codecs make of the model; None: it is not coded.
    """

    exchange: ServerExchange
    model: Model
    devices: Mapping[str, DeviceModel]
    batch: int
    goodputs: Goodputs | None = None
    buffers: SocketBuffers = field(default_factory=SocketBuffers)
    scale: Scale = field(default_factory=Scale)
    least: bool = False
    code: OwnCode = field(default_factory=OwnCode)
    sent: CodedModel | None = None

    @classmethod
    def of(cls, experiment: Experiment, model: str) -> Case:
        """An experiment's, with the windows of its scale if that is known already."""
        return cls(
            experiment.exchange,
            experiment.model(model),
            experiment.devices,
            experiment.batch,
            buffers=experiment.socket_buffers,
            scale=experiment.known_scale,
            code=experiment.own_code,
        )

    def coded(self, schedule: Schedule) -> Case | None:
        """The same as the codecs of a schedule make it; None: what they send is not known.

        Raises:
            PluginError: a codec is not ours, and raises.
        """
        if not schedule.coded:
            return self
        sent = coded_model(schedule, self.model, self.code.codecs)
        if sent is None:
            return None
        return replace(self.coding(schedule), sent=sent)

    def coding(self, schedule: Schedule) -> Case:
        """The same with devices that code what a schedule sends."""
        if not schedule.coded:
            return self
        return replace(self, devices=coding_devices(schedule, self.devices, self.code.codecs))

    @cached_property
    def carried(self) -> Goodputs:
        """What ports carry, where that is not given by their rates."""
        return capped(
            self.exchange.demands, self.buffers, self.scale, self.goodputs, least=self.least
        )

    @cached_property
    def window_limits(self) -> str:
        """Why windows make what is expected a range; empty if they do not."""
        return window_limits(self.exchange.demands, self.buffers, self.scale)

    @cached_property
    def delays(self) -> tuple[tuple[float, float], ...]:
        """Of every worker, seconds from the parameter server to it, and back."""
        return tuple(delays_seconds(self.exchange, worker) for worker in self.exchange.workers)

    @cached_property
    def loads(self) -> tuple[ServerLoad, ...]:
        """The loads of all directed links."""
        return server_loads(self.exchange, self.model.bytes, self.carried)

    @cached_property
    def bound(self) -> LowerBound:
        """What limits an iteration."""
        return lower_bound(self.exchange, self.model, self.devices, self.batch, self.carried)
