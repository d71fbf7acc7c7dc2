"""Orders: what goes first, as code, and the ranks that hosts receive.

Order, Setting          subclass Order to write your own (docs/extending.md)
OwnOrder                one that is not ours, by entry point or by module:Class, as it travels
incompatibility         which orders go with which other choices of a schedule
ranks_of                the numbers that the hosts are told
"""

from orchestrator.orders.compatibility import incompatibility
from orchestrator.orders.named import ORDERS
from orchestrator.orders.order import Computation, Order, Setting, Unit, computation, setting_of
from orchestrator.orders.own import OwnOrder
from orchestrator.orders.ranks import OrderError, Ranks, ranks_of

__all__ = [
    "ORDERS",
    "Computation",
    "Order",
    "OrderError",
    "OwnOrder",
    "Ranks",
    "Setting",
    "Unit",
    "computation",
    "incompatibility",
    "ranks_of",
    "setting_of",
]
