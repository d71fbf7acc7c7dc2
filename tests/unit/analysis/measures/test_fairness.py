"""Which shares of which links are unfair, and matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.analysis import TrialMeasure, judge_trial, read_trial
from orchestrator.analysis.measures.fairness import Fairness, unfair
from orchestrator.analysis.measures.measure import measure
from orchestrator.analysis.measures.shares import Shares
from orchestrator.predict import Case
from orchestrator.spec import load_experiment, load_topology
from tests.unit.analysis.fake_trial import FakeTrial
from tests.unit.placed import exchange_of
from workloads.models.devices import DeviceModel
from workloads.models.profiles import load_model

ROOT = Path(__file__).parents[4]
PUBLISHED = load_experiment(ROOT / "experiments/published.yaml")


def published(model: str) -> Fairness:
    return Fairness(Case(PUBLISHED.exchange, load_model(model), PUBLISHED.devices, 1))


def made(
    folder: Path, links: Sequence[tuple[str, str, str]], seconds_per_gmac: float = 0.0
) -> Fairness:
    """Alexnet on switches and workers of these links; only the first worker computes for long."""
    nodes = {end for first, second, _ in links for end in (first, second)}
    workers = sorted(node for node in nodes if node.startswith("w"))
    lines = [
        "name: made-up", "hosts:", "  ps: {role: ps}",
        *(f"  {name}: {{role: worker, device: d{n}}}" for n, name in enumerate(workers)),
        f"switches: [{', '.join(sorted(node for node in nodes if node.startswith('s')))}]",
        "links:",
        *(f"  - {{endpoints: [{first}, {second}], rate: {rate}}}" for first, second, rate in links),
    ]  # fmt: skip
    file = folder / "topology.yaml"
    file.write_text("\n".join(lines) + "\n")
    devices = {
        f"d{n}": DeviceModel(f"d{n}", 0.0, 0.0 if n else seconds_per_gmac, 0.0)
        for n, _ in enumerate(workers)
    }
    return Fairness(Case(exchange_of(load_topology(file)), load_model("alexnet"), devices, 1))


@pytest.fixture
def trial(tmp_path: Path) -> TrialMeasure:
    """One in which all was fair, on no topology in particular."""
    return measure(read_trial(FakeTrial().write(tmp_path)))


def pulling(trial: TrialMeasure, *mbps: Sequence[float]) -> TrialMeasure:
    """The same with these rates of the workers, per iteration, and nothing known of pushes."""
    rates = tuple(tuple(1e6 * rate for rate in one) for one in mbps)
    return replace(trial, pull_rates=rates, push_rates=(), workers=len(mbps[0]))


def test_unfair_shares_that_change_the_figure_are_found(trial: TrialMeasure) -> None:
    """With 50, 25 and 25 % of the trunk the baseline takes 5u instead of 6u."""
    got = pulling(trial, [475, 238, 237], [238, 475, 237])
    line = "unfair pulls: 25 % to 50 % of switch0->switch1, 33 % is fair"
    assert list(unfair(got, published("resnet50"))) == [line]
    assert judge_trial(got, None, published("resnet50")).reasons == (line,)
    pushing = replace(got, pull_rates=(), push_rates=got.pull_rates)
    assert list(unfair(pushing, published("alexnet"))) == [
        "unfair pushes: 25 % to 50 % of switch1->switch0, 33 % is fair"
    ]


def test_shares_that_cannot_change_the_figure_are_no_doubt(trial: TrialMeasure) -> None:
    """Mobilenet computes eight times as long as its bytes take: no sharing makes it faster."""
    assert list(unfair(pulling(trial, [475, 238, 237]), published("mobilenet"))) == []


def test_a_link_that_is_not_full_is_not_fought_for(trial: TrialMeasure) -> None:
    got = pulling(trial, [400, 200, 200])
    assert list(unfair(got, published("resnet50"))) == []
    # Iterations in which it was full decide alone.
    got = pulling(trial, [400, 100, 100], [330, 310, 310])
    assert list(unfair(got, published("resnet50"))) == []


def test_nearly_fair(trial: TrialMeasure) -> None:
    got = pulling(trial, [390, 280, 280], [280, 280, 390])
    assert list(unfair(got, published("resnet50"))) == []


def test_links_of_ones_own_are_not_shared(tmp_path: Path, trial: TrialMeasure) -> None:
    mixed = made(
        tmp_path,
        [("ps", "s0", "10 Gbps"), ("s0", "s1", "10 Gbps"),
         ("s1", "w0", "1 Gbps"), ("s1", "w1", "250 Mbps")],
    )  # fmt: skip
    assert list(unfair(pulling(trial, [950, 235]), mixed)) == []
    star = made(tmp_path, [("ps", "s0", "10 Gbps"), *(("s0", f"w{n}", "1 Gbps") for n in range(3))])
    assert list(unfair(pulling(trial, [950, 700, 950]), star)) == []


def test_a_narrow_worker_leaves_the_others_more_than_an_equal_share(
    tmp_path: Path, trial: TrialMeasure
) -> None:
    """100 Mbps of the trunk's 1 Gbps are all that one of three can have."""
    links = [
        ("ps", "s0", "10 Gbps"), ("s0", "s1", "1 Gbps"), ("s1", "w0", "1 Gbps"),
        ("s1", "w1", "1 Gbps"), ("s1", "w2", "100 Mbps"),
    ]  # fmt: skip
    slow = made(tmp_path, links, seconds_per_gmac=60.0)
    assert list(unfair(pulling(trial, [430, 430, 95]), slow)) == []
    assert list(unfair(pulling(trial, [640, 220, 95]), slow)) == [
        "unfair pulls: 0.51 to 1.49 times the fair shares of s0->s1"
    ]
    # Where the narrow one alone decides how long it takes, it does not matter how others share.
    assert list(unfair(pulling(trial, [640, 220, 95]), made(tmp_path, links))) == []


def test_three_levels_are_judged_where_they_are_full(tmp_path: Path, trial: TrialMeasure) -> None:
    """Two racks of two under a core: one rack's link is half as fast as the other one's."""
    tree = made(
        tmp_path,
        [("ps", "s0", "10 Gbps"), ("s0", "s1", "1 Gbps"), ("s0", "s2", "500 Mbps"),
         *((f"s{1 + n // 2}", f"w{n}", "1 Gbps") for n in range(4))],
    )  # fmt: skip
    assert list(unfair(pulling(trial, [475, 475, 237, 237]), tree)) == []
    assert list(unfair(pulling(trial, [475, 475, 380, 95]), tree)) == [
        "unfair pulls: 20 % to 80 % of s0->s2, 50 % is fair"
    ]


def test_without_a_topology_equal_shares_are_fair(trial: TrialMeasure) -> None:
    uneven = replace(trial, pull_shares=Shares((0.5, 0.25, 0.25), 0.25, 0.5))
    assert list(unfair(uneven, None)) == ["unfair pulls: 25 % to 50 % of the bytes, 33 % is fair"]
