"""At which scale a model is exchanged, where links are looked at and not a training (pure).

A message has its headers and takes its time however little it carries, and a model's tensors shrink
by D/R. Where they are small, messages are what limits an exchange, on any machine and at any rate:
that says nothing of the links. (At 10 Gbit/s and R = 64, with messages of 1.5 KB on average, 63 to
87 % of the links were seen, and 96 to 98 % with larger ones.) So what is exchanged has the size
that the scale gives it, or that messages do not show at.
"""

from __future__ import annotations

from math import inf

from orchestrator.spec import Scale
from workloads.models.profiles import Model

LEAST_BYTES = 4_000_000
"""Of an exchanged model, unless the real one is smaller: 25 KB for each of resnet50's tensors on
average, of which a core moves 7 Gbit/s at 30 us each."""


def exchange_scale(model: Model, scale: Scale, most_bytes: float = inf) -> dict[str, float]:
    """R and D for the jobs of an exchange.

    Args:
        model: whose tensors are exchanged.
        scale: of the network.
        most_bytes: that a process may have of the model; no more than the real model's are of use.
    """
    factor, least = float(scale.factor), min(1.0, LEAST_BYTES / model.bytes)
    most = min(1.0, most_bytes / model.bytes)
    if factor < min(least, most):
        # Of buffers and rates nothing changes: those the network has, and the jobs' own are set.
        return {"rates": 1.0, "time": min(least, most)}
    return {"rates": scale.rates, "time": min(scale.time, most * scale.rates)}
