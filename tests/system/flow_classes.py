"""Several flows per worker, which switches serve by layer: what a whole training shows of them."""

from __future__ import annotations

from orchestrator.spec import FRAME_BYTES, PAYLOAD_BYTES
from tests.system.experiments import StoredTrial

TRUNK = {"switch0->switch1": "bytes_sent", "switch1->switch0": "bytes_received"}
FLOWS = 4
MANAGED = 20_000
"""Bytes that are in no flow's class, or in one way only: greetings, and ends of connections."""


def assert_flows_have_their_classes(trial: StoredTrial) -> None:
    """See that every flow of a trial of `geryon` was served in the class that its layers have."""
    assert trial.network["kept_differs"] == []
    payload = payload_by_flow(trial)
    (end,) = trial.events("ps", "end")
    again = FRAME_BYTES * sum(trial.network["tcp_retransmits"].values())
    for name, kernels in TRUNK.items():
        classes = {entry["name"]: entry for entry in trial.port(name)["classes"]}
        assert list(classes) == ["ack", *(f"flow{flow}" for flow in range(FLOWS)), "data"]
        for flow, carried in enumerate(payload):
            # What the kernel sent again is in its count, what it sent at all is no payload only.
            on_it = [one for one in end["connections"] if one["flow"] == flow]
            assert len(on_it) == 3
            counted = classes[f"flow{flow}"]["bytes"]
            assert all(one[kernels] >= carried / 3 for one in on_it)
            assert carried * FRAME_BYTES / PAYLOAD_BYTES <= counted
            assert counted <= 1.03 * carried * FRAME_BYTES / PAYLOAD_BYTES + again
        assert classes["data"]["bytes"] < MANAGED


def payload_by_flow(trial: StoredTrial) -> list[int]:
    """Over all workers and iterations, as the records say that it was split."""
    (layout,) = trial.events("ps", "layout")
    carried = [0] * FLOWS
    for (_, length), flow in zip(layout["slices"], layout["slice_flows"], strict=True):
        carried[flow] += length
    assert sorted(layout["slice_flows"]) == layout["slice_flows"]
    times = len(trial.record["workers"]) * len(trial.events("ps", "iteration"))
    total = sum(line["payload_in"] for line in trial.events("ps", "iteration"))
    assert times * sum(carried) == total
    return [times * count for count in carried]
