"""How workers aggregate: subclass `Exchange` to write your own (docs/extending.md)."""

from workloads.exchange.demand import Demand
from workloads.exchange.exchange import End, Ended, Exchange
from workloads.models.profiles import Model
from workloads.schedule.members import Members
from workloads.schedule.units import Unit

__all__ = ["Demand", "End", "Ended", "Exchange", "Members", "Model", "Unit"]
