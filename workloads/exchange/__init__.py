"""How workers aggregate: subclass `Exchange` to write your own (docs/extending.md)."""

from workloads.exchange.exchange import End, Ended, Exchange
from workloads.schedule.units import Unit

__all__ = ["End", "Ended", "Exchange", "Unit"]
