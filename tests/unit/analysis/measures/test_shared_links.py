"""What links carried that several jobs share: out of samples and of tc's counters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from orchestrator.analysis import report
from orchestrator.analysis.measures.shared_links import link_goodputs
from orchestrator.predict import goodput_bps
from orchestrator.records.network import LinkSamplesRecord, NetworkRecord
from orchestrator.records.trial import BesideRecord
from orchestrator.spec import load_experiment
from tests.unit.analysis.builder import write_run
from tests.unit.analysis.fake_trial import SECOND, FakeTrial
from tests.unit.analysis.record_builder import network_record, port_record

PORT = "switch0->switch1"
TWO_JOBS = load_experiment(Path(__file__).parents[4] / "experiments/two-jobs.yaml")


def network(*samples: tuple[int, int]) -> NetworkRecord:
    """The interface counted 1,400 bytes for each of 1,000 packets of 1,500 bytes."""
    links = LinkSamplesRecord(
        ports=(PORT, "gone->gone"), samples=tuple((*one, 0) for one in samples)
    )
    return network_record(ports=(port_record(PORT, 1000),), links=links)


def test_samples_say_when_and_tc_how_much_payload() -> None:
    seen = network((0, 0), (2 * SECOND, 700_000), (4 * SECOND, 1_400_000))
    # Between two samples in proportion: a quarter of all.
    (link,) = link_goodputs(seen, SECOND, 2 * SECOND, 8)
    bps = 8 * 250 * (1500 - 66)
    assert link.port == PORT
    assert link.bps == pytest.approx(8 * bps)
    assert link.share == pytest.approx(bps / goodput_bps(1e9))


def test_before_the_first_and_after_the_last_sample_nothing_was_sent() -> None:
    seen = network((2 * SECOND, 0), (4 * SECOND, 1_400_000))
    (link,) = link_goodputs(seen, 0, 8 * SECOND, 1)
    assert link.bps == pytest.approx(1000 * (1500 - 66))
    (link,) = link_goodputs(seen, 5 * SECOND, 8 * SECOND, 1)
    assert (link.bps, link.share) == (0, 0)


def test_what_nobody_sampled_is_not_known() -> None:
    assert link_goodputs(network_record(), 0, SECOND, 1) == ()
    assert link_goodputs(network((0, 0)), 0, SECOND, 1) == ()


def test_a_shared_link_is_shown_beside_each_job_alone(tmp_path: Path) -> None:
    other = BesideRecord(job=TWO_JOBS.jobs["other"], error=None, processes=())
    nothing, jobs = {"beside": "nothing"}, {"beside": "jobs"}
    trials = [
        FakeTrial(chosen=nothing, link_share=0.781),
        FakeTrial(chosen=jobs, link_share=0.947, beside=[(other, {})]),
        FakeTrial(chosen={**nothing, "job": "other"}, link_share=0.5),
    ]
    place = write_run(tmp_path / "run", trials)
    record = json.loads((place / "run.json").read_text())
    (place / "run.json").write_text(json.dumps({**record, "experiment": TWO_JOBS.to_json()}))
    made = report(place)
    shares = {row["beside"]: row["shared_links_share"] for row in made.rows if not row["job"]}
    assert shares == {"nothing": pytest.approx([0.781]), "jobs": pytest.approx([0.947])}
    console = Console(width=140, record=True)
    console.print(made.table)
    (line,) = (one for one in console.export_text().splitlines() if one.startswith(PORT))
    assert line.split()[-5:] == ["905.7", "Mbit/s", "94.7", "78.1", "50.0"]
