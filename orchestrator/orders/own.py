"""Orders that are not ours."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.orders.named import ORDERS
from orchestrator.orders.order import Order
from orchestrator.plugins import Kind, Plugin


@dataclass(frozen=True)
class OwnOrder(Plugin[Order]):
    """An order that is not ours: by the name of an entry point, or by `module:Class`."""

    kind = Kind("order", "Order", "orchestrator.orders", ORDERS, "dmlbed.orders")
