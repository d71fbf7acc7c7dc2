"""Bounds and closed forms of iteration times, and what limits a topology.

lower_bound             no schedule of whole pulls and pushes is faster, with and without a barrier
row_bound, most_of      no run of a schedule is above that, and of none of several
demand_bound            no exchange with these demands is faster
allreduce_bound         no all-reduce between hosts is faster, and what rings take
aggregation_bound       the same where other hosts help, such as servers
allreduce_times         the same with compute, with and without a step barrier
own_paces, lead_of      the most imgs/sec of workers that do not wait for each other
predictions             what schedules are expected to take where all workers share a bottleneck
Case, expected          what a schedule is expected to take by its choices, simulated
effort                  how long it takes to say so
shared_links            which links can be shared unfairly, and what is fair on them
shared_bounds           each job's best on a network, and its fair share beside others
left_goodputs           what others leave of links, for the bounds of who shares them
gain_of_unfair_shares   what the most unfair shares can change
job_bounds              each job's best, and fair shares of all jobs of an experiment
limits                  what limits an iteration, in words
link_loads, fullest     how long each directed link is busy in an iteration, for any demands
server_loads            the same under a parameter server, told by pulls and pushes
no_overlap_seconds      an upper estimate: pulls, compute and pushes take turns
crossings, of_all       where along a variable a schedule is faster than another
capped, window_limits   what windows and delays leave of a path
acks_share              what acknowledgements leave of a port
bottleneck              the ports that limit one direction together
is_shared               whether a link that all workers share limits them
"""

from orchestrator.predict.allreduce import (
    AggregationBound,
    AllreduceBound,
    AllreduceTimes,
    Ring,
    aggregation_bound,
    allreduce_bound,
    allreduce_times,
)
from orchestrator.predict.bounds.iteration import (
    compute_seconds,
    no_overlap_seconds,
    phase_seconds,
)
from orchestrator.predict.bounds.limits import limits
from orchestrator.predict.bounds.lower import LowerBound, lower_bound, worker_devices
from orchestrator.predict.bounds.paces import lead_of, own_paces
from orchestrator.predict.case import Case
from orchestrator.predict.closed_forms import Prediction, predictions
from orchestrator.predict.crossings import CLEAR, Crossings, crossings, of_all
from orchestrator.predict.demand_bound import DemandBound, demand_bound
from orchestrator.predict.effort import MAX_STEPS, effort
from orchestrator.predict.expected import NOT_KNOWN, expected, gain_of_unfair_shares
from orchestrator.predict.network.acks import acks_share
from orchestrator.predict.network.bottleneck import (
    Bottleneck,
    bottleneck,
    first_worker_bps,
    is_shared,
)
from orchestrator.predict.network.loads import (
    Goodputs,
    LinkLoad,
    fullest,
    goodput_bps,
    link_loads,
)
from orchestrator.predict.network.server_loads import ServerLoad, server_loads
from orchestrator.predict.network.windows import (
    capped,
    in_flight,
    long_ways,
    long_ways_seconds,
    longest_round_trip_seconds,
    window_limits,
)
from orchestrator.predict.row_bound import (
    RowBound,
    bound_of,
    has_own_paces,
    most_of,
    row_bound,
)
from orchestrator.predict.shared.fair import SharedLink, shared_links
from orchestrator.predict.shared.jobs import MEASURED, JobBound, job_bounds, shared_ports
from orchestrator.predict.shared.sharing import (
    SharedBound,
    Sharer,
    left_goodputs,
    shared_bounds,
)

__all__ = [
    "AggregationBound",
    "AllreduceBound",
    "AllreduceTimes",
    "Bottleneck",
    "CLEAR",
    "Case",
    "Crossings",
    "DemandBound",
    "Goodputs",
    "JobBound",
    "LinkLoad",
    "LowerBound",
    "MAX_STEPS",
    "MEASURED",
    "NOT_KNOWN",
    "Prediction",
    "Ring",
    "RowBound",
    "ServerLoad",
    "SharedBound",
    "SharedLink",
    "Sharer",
    "acks_share",
    "aggregation_bound",
    "allreduce_bound",
    "allreduce_times",
    "bottleneck",
    "bound_of",
    "capped",
    "compute_seconds",
    "effort",
    "crossings",
    "demand_bound",
    "expected",
    "first_worker_bps",
    "fullest",
    "gain_of_unfair_shares",
    "goodput_bps",
    "has_own_paces",
    "is_shared",
    "job_bounds",
    "lead_of",
    "left_goodputs",
    "limits",
    "link_loads",
    "in_flight",
    "long_ways",
    "long_ways_seconds",
    "longest_round_trip_seconds",
    "lower_bound",
    "most_of",
    "no_overlap_seconds",
    "of_all",
    "own_paces",
    "phase_seconds",
    "predictions",
    "row_bound",
    "server_loads",
    "shared_bounds",
    "shared_links",
    "shared_ports",
    "window_limits",
    "worker_devices",
]
