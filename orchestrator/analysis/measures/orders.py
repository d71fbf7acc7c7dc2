"""Was a trial large enough for its order to have an effect? By the settings that it recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.analysis.measures.bound_share import (
    buffers_of,
    exchange_in,
    model_in,
    order_of_operations_in,
)
from orchestrator.memory import ordered
from orchestrator.records.trial import TrialRecord
from orchestrator.spec import Scale, without_order


def without_order_of(experiment: Mapping[str, Any], trial: TrialRecord) -> str:
    """Why its order has little effect at its scale; empty if it has an effect, or it is unknown.

    Args:
        experiment: as run.json holds it.
        trial: one of its trials.
    """
    exchange = exchange_in(experiment)
    plain = model_in(experiment, trial.model)
    if exchange is None or plain is None:
        return ""
    if not trial.communication.sends_model:
        return ""
    model = ordered(plain, order_of_operations_in(experiment))
    scale = Scale(trial.scale.rates, trial.scale.time)
    return without_order(
        exchange.demands, buffers_of(experiment), model, trial.communication, scale
    )
