"""Several flows per worker, which switches serve by layer, in whole trainings."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.spec import FRAME_BYTES, LINUX_BRIDGE, OVS_USER, PAYLOAD_BYTES
from tests.system.experiments import (
    StoredTrial,
    assert_ended_well,
    run_directory,
    stored_trials,
    write_experiment,
)
from tests.system.program import dmlbed

pytestmark = [pytest.mark.system, pytest.mark.beside]

TRUNK = {"switch0->switch1": "bytes_sent", "switch1->switch0": "bytes_received"}


@pytest.mark.parametrize("switch", [LINUX_BRIDGE, OVS_USER])
def test_every_flow_has_the_class_that_its_layers_have(switch: str, tmp_path: Path) -> None:
    experiment = write_experiment(
        tmp_path, models="googlenet", schedules="none, geryon", switch=switch, rates=8
    )
    done = dmlbed("run", experiment, "--out", tmp_path / "out")
    assert_ended_well(done.returncode, done.stdout + done.stderr)
    none, geryon = stored_trials(run_directory(tmp_path / "out"))
    assert none.parameters == geryon.parameters
    assert geryon.network["kept_differs"] == []
    assert {port["drops"] for port in geryon.network["ports"]} == {0}
    payload = split(geryon)
    assert max(payload) < 1.1 * min(payload)
    for name, kernels in TRUNK.items():
        classes = {entry["name"]: entry for entry in geryon.port(name)["classes"]}
        assert list(classes) == ["ack", "flow0", "flow1", "flow2", "flow3", "data"]
        for flow, carried in enumerate(payload):
            # What the kernel sent again is in its count, what it sent at all is no payload only.
            (end,) = geryon.events("ps", "end")
            on_it = [one for one in end["connections"] if one["flow"] == flow]
            assert len(on_it) == 3
            again = FRAME_BYTES * sum(geryon.network["tcp_retransmits"].values())
            counted = classes[f"flow{flow}"]["bytes"]
            assert all(one[kernels] >= carried / 3 for one in on_it)
            assert carried * FRAME_BYTES / PAYLOAD_BYTES <= counted
            assert counted <= 1.03 * carried * FRAME_BYTES / PAYLOAD_BYTES + again
        # Greetings and the ends of connections, which are in no flow's class or in one way only.
        assert classes["data"]["bytes"] < 20_000


def split(trial: StoredTrial) -> list[int]:
    """Payload per flow, over all workers and iterations, as the records say that it was split."""
    (layout,) = trial.events("ps", "layout")
    carried = [0] * 4
    for (_, length), flow in zip(layout["slices"], layout["slice_flows"], strict=True):
        carried[flow] += length
    assert sorted(layout["slice_flows"]) == layout["slice_flows"]
    times = len(trial.record["workers"]) * len(trial.events("ps", "iteration"))
    total = sum(line["payload_in"] for line in trial.events("ps", "iteration"))
    assert times * sum(carried) == total
    return [times * count for count in carried]
