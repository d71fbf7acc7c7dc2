"""Trees learnt from tables whose law is known."""

from __future__ import annotations

import math
from random import Random

import pytest

from orchestrator.profile.fit import LEAVES, fit_tree, fit_trees
from orchestrator.profile.measure import Step
from orchestrator.profile.report import equal_macs, less_for_more, report_on
from orchestrator.profile.rules import leaf_text, rules
from orchestrator.profile.table import Row
from workloads.models.devices import DeviceModel
from workloads.models.execution import PASSES, Tree, Work, check_trees, leaves_of, seconds_of
from workloads.models.profiles import load_model

LAW: Tree = {
    "if": "macs_per_output",
    "at_most": 100,
    "then": {"seconds": 1e-5, "seconds_per_gmac": 0.2, "seconds_per_megabyte_out": 0.001},
    "else": {"seconds": 2e-5, "seconds_per_gmac": 0.02, "seconds_per_megabyte_in": 0.002},
}


def made(draw: Random, kind: str = "convolution") -> Work:
    out = 10 ** draw.uniform(3, 6)
    macs = out * 10 ** draw.uniform(0.7, 3.5)
    return Work(kind, macs, 4 * out * draw.uniform(0.3, 3), 4 * out, 10 ** draw.uniform(3, 7))


def rows(count: int, *, noise: float = 0.02, kind: str = "convolution") -> list[Row]:
    draw = Random(7)
    works = [made(draw, kind) for _ in range(count)]
    return [
        Row(
            work, {way: seconds_of(LAW, work) * (1 + draw.uniform(-noise, noise)) for way in PASSES}
        )
        for work in works
    ]


def test_the_law_behind_times_is_found_again() -> None:
    report = report_on(rows(400)[:300], rows(400)[300:], [], {})
    (_, whole) = report.errors
    assert (whole.kind, whole.learnt, whole.held_out) == ("", 300, 100)
    assert whole.tree < 0.05
    assert whole.tree < 0.2 * whole.macs
    tree = report.trees["convolution"]["forward"]
    assert tree["if"] == "macs_per_output"
    assert tree["at_most"] == pytest.approx(100, rel=0.15)
    # Straight lines on either side, and no time is ever negative.
    assert all(value > 0 for leaf in leaves_of(tree) for value in leaf.values())


def test_times_that_scatter_do_not_draw_lines_down() -> None:
    """Times that scatter, some of them of layers that something disturbed."""
    draw = Random(11)
    works = [made(draw) for _ in range(400)]
    measured = [
        Row(work, {way: seconds_of(LAW, work) * draw.lognormvariate(0, 0.4) for way in PASSES})
        for work in works
    ]
    for row in measured[::25]:
        assert isinstance(row.seconds, dict)
        row.seconds.update({way: 30 * row.seconds[way] for way in PASSES})
    tree = fit_tree(measured, "forward")
    ratios = [math.log(seconds_of(tree, work) / seconds_of(LAW, work)) for work in works]
    # Least squares of relative errors are at exp(-1.5 * 0.4**2) of the law: -0.24.
    assert sum(ratios) / len(ratios) == pytest.approx(0, abs=0.12)


def test_trees_are_what_a_device_file_may_have() -> None:
    trees = fit_trees([*rows(80), *rows(30, kind="dense"), *rows(1, kind="pooling")])
    assert check_trees(trees) == trees
    assert set(trees) == {"convolution", "dense", "pooling"}
    assert all(len([*leaves_of(tree)]) <= LEAVES for way in trees.values() for tree in way.values())


def test_what_no_layer_has_any_of_takes_no_time() -> None:
    draw = Random(5)
    sizes = [10 ** draw.uniform(3, 7) for _ in range(60)]
    times = [
        Row(Work("pooling", 0, 4 * size, size, 0), dict.fromkeys(PASSES, 1e-5 + 1e-9 * size))
        for size in sizes
    ]
    trees = fit_trees(times)["pooling"]
    assert check_trees({"pooling": trees})
    for leaf in leaves_of(trees["forward"]):
        assert set(leaf) <= {"seconds", "seconds_per_megabyte_in", "seconds_per_megabyte_out"}
        assert leaf["seconds"] == pytest.approx(1e-5, rel=0.01)


def test_a_kind_prints_in_forty_lines() -> None:
    draw = Random(3)
    # As many steps as there are powers of two: a tree grows as far as it may.
    times = [
        Row(work, dict.fromkeys(PASSES, 1e-4 * 3 ** (int(math.log2(work.macs)) % 3)))
        for work in (made(draw) for _ in range(300))
    ]
    tree = fit_tree(times, "forward")
    assert 20 < len(rules("convolution", dict.fromkeys(PASSES, tree))) <= 40


def test_rules_are_read_like_sentences() -> None:
    assert rules("dense", {"forward": LAW, "backward": {}}) == [
        "dense, forward:",
        "  MACs per output <= 100: 0.01 ms + 200 ms per GMAC + 1 ms per MB out",
        "  MACs per output >  100: 0.02 ms + 20 ms per GMAC + 2 ms per MB in",
        "dense, backward: no time",
    ]
    assert leaf_text({"seconds_per_gmac": 0.5}) == "500 ms per GMAC"


def test_a_network_is_the_sum_of_its_layers() -> None:
    report = report_on(rows(100), [], [Step("alexnet", 2, {"forward": 1.0, "backward": 2.0})], {})
    assert not report.errors
    # Its dense layers are of a kind that nothing is known of.
    assert not report.networks
    both = [row for kind in ("convolution", "dense", "pooling") for row in rows(60, kind=kind)]
    (network,) = report_on(both, [], [Step("alexnet", 2, dict.fromkeys(PASSES, 1.5))], {}).networks
    device = DeviceModel("d", kinds=fit_trees(both))
    layers = load_model("alexnet").layers
    total = sum(device.forward_seconds(x, 2) + device.backward_seconds(x, 2) for x in layers)
    assert network.predicted_seconds == pytest.approx(total)
    assert network.error == pytest.approx(total / 3 - 1)


def test_pairs_show_that_macs_are_not_time() -> None:
    def row(macs: float, seconds: float, kind: str = "dense") -> Row:
        return Row(Work(kind, macs, 1, 1, 1), dict.fromkeys(PASSES, seconds))

    slow, fast, heavy, other = row(1e6, 3), row(1.01e6, 1), row(2e6, 2), row(9e6, 0.1, "attention")
    every = [fast, other, heavy, slow]
    (equal,) = equal_macs(every)
    assert (equal.slow, equal.fast) == (slow, fast)
    (less,) = less_for_more(every)
    assert (less.slow, less.fast) == (slow, heavy)
