"""What codecs change of an iteration: against sums by hand, and the bytes that codecs make."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from orchestrator.plugins import OwnCode, OwnCodec
from orchestrator.predict import Case, demand_bound, expected, goodput_bps
from orchestrator.spec import OwnCodecs, coded_model, load_experiment
from tests.unit.placed import exchange_of
from tests.unit.predict.clusters import model, trunk
from tests.unit.workloads.own_codecs import Halved, Packed, named
from workloads.codecs.codec import bytes_of
from workloads.codecs.named import make
from workloads.codecs.part import parts_of
from workloads.models.devices import DeviceModel
from workloads.models.profiles import Model, load_model
from workloads.schedule.library import SCHEDULES, get_schedule
from workloads.schedule.schedule import Schedule
from workloads.schedule.units import Layout

PUBLISHED = load_experiment(Path(__file__).parents[3] / "experiments" / "published.yaml")
CODED = [schedule for schedule in SCHEDULES if schedule.coded]


def case(
    made: Model, *, coded: float = 0.0, compute: float = 0.0, codecs: OwnCodecs | None = None
) -> Case:
    """Three workers behind a trunk of 1 Gbit/s; seconds per gmac, and to code 1e6 bytes."""
    kinds = ("top-k", "float16", "sign", "fixed-point")
    device = DeviceModel("d", 0.0, compute, 0.0, dict.fromkeys(kinds, coded))
    exchange = exchange_of(trunk(3, 10**9))
    return Case(exchange, made, {"d": device}, 1, code=OwnCode(codecs or {}))


def one_layer() -> Model:
    """A tensor of 1e6 values: two dimensions, so that codecs code it."""
    made = model((1_000_000, 10**9))
    (layer,) = made.layers
    (tensor,) = layer.tensors
    return replace(made, layers=(replace(layer, tensors=(replace(tensor, shape=(1000, 1000)),)),))


def test_a_push_of_a_hundredth_behind_a_barrier() -> None:
    """3u(1 + r) + compute + coding: of one layer nothing overlaps."""
    made = case(one_layer(), coded=0.01, compute=0.5)
    u = 4e6 * 8 / goodput_bps(10**9)
    share = 2 * 0.01  # a place and a value for each that is sent
    seconds = expected(get_schedule("top-k-1pct"), made).seconds
    assert seconds == pytest.approx(3 * u * (1 + share) + 0.5 + 0.01 * 4, rel=1e-6)


def test_half_precision_both_ways_halves_the_time_of_the_links_and_is_coded_twice() -> None:
    made = case(one_layer(), coded=0.01, compute=0.5)
    u = 4e6 * 8 / goodput_bps(10**9)
    seconds = expected(get_schedule("fp16"), made).seconds
    assert seconds == pytest.approx(3 * u + 0.5 + 2 * 0.01 * 4, rel=1e-6)


def test_without_a_barrier_the_direction_with_more_bytes_limits() -> None:
    made = case(one_layer())
    sliced = replace(get_schedule("p3"), name="both", push_codec="sign", pull_codec="float16")
    u = 4e6 * 8 / goodput_bps(10**9)
    seconds = expected(sliced, made).seconds
    # Pulls of half the bytes; the pushes of a slice, and one slice's way, come on top.
    assert seconds == pytest.approx(3 * u / 2, rel=0.15)
    assert seconds is not None
    assert seconds > 3 * u / 2


def test_workers_of_their_own_pace_send_coded_bytes() -> None:
    made = case(one_layer())
    plain, half = (
        expected(Schedule("a", "", synchronisation="asynchronous", order="generation",
                          push_codec=codec, pull_codec=codec), made).seconds
        for codec in ("identity", "float16")
    )  # fmt: skip
    assert plain is not None
    assert half == pytest.approx(plain / 2, rel=0.01)


@pytest.mark.parametrize("schedule", CODED, ids=lambda one: one.name)
def test_alexnet_by_the_formula_and_above_its_bound(schedule: Schedule) -> None:
    """3u(p + r) of pulls and pushes, and of compute and coding what they do not hide."""
    made = Case.of(PUBLISHED, "alexnet")
    coded = made.coded(schedule)
    assert coded is not None
    assert coded.sent is not None
    links = 3 * made.bound.u_seconds * (coded.sent.pull_bytes + coded.sent.push_bytes)
    links /= made.model.bytes
    seconds = expected(schedule, made).seconds
    assert seconds is not None
    assert links < seconds <= links + coded.bound.compute_seconds
    experiment = replace(PUBLISHED, custom_schedules={schedule.name: schedule})
    bound = demand_bound(experiment.demands(schedule.name, "alexnet"), coded)
    assert bound.seconds < seconds


def test_top_k_gains_what_was_foreseen() -> None:
    made = Case.of(PUBLISHED, "alexnet")
    none, top_k = (expected(get_schedule(name), made).seconds for name in ("none", "top-k-1pct"))
    assert none is not None
    assert top_k is not None
    assert none / top_k == pytest.approx(1.75, rel=0.01)


@pytest.mark.parametrize("schedule", CODED, ids=lambda one: one.name)
def test_the_bytes_are_those_that_codecs_make(schedule: Schedule) -> None:
    network = load_model("squeezenet")
    sent = coded_model(schedule, network, {})
    assert sent is not None
    for codec_name, sizes in (
        (schedule.push_codec, sent.pushes),
        (schedule.pull_codec, sent.pulls),
    ):
        codec = make(codec_name)
        for part, size in list(zip(parts_of(network, Layout(network, 1, 1)), sizes, strict=True))[
            :6
        ]:
            values = np.random.default_rng(0).standard_normal(part.elements, np.float32)
            raw = part.vector and codec.leaves_vectors
            made = values if raw else codec.encode(part, values)
            assert bytes_of(made).nbytes == size


def test_codecs_that_are_not_ours() -> None:
    mine = {named(kind): OwnCodec.find(named(kind), Path()) for kind in (Halved, Packed)}
    made = case(one_layer(), codecs=mine)
    halved, packed = (
        Schedule("a", "", push_codec=named(kind), pull_codec=named(kind))
        for kind in (Halved, Packed)
    )
    u = 4e6 * 8 / goodput_bps(10**9)
    assert expected(halved, made).seconds == pytest.approx(3 * u)
    assert expected(packed, made).why_not == "what its codec sends is not known"
    elsewhere = replace(made, code=OwnCode())
    assert expected(halved, elsewhere).why_not == "what its codec sends is not known"


def test_demands_have_the_bytes_that_are_sent() -> None:
    mine = {named(kind): OwnCodec.find(named(kind), Path()) for kind in (Halved, Packed)}
    experiment = replace(
        PUBLISHED,
        own_code=replace(PUBLISHED.own_code, codecs=mine),
        custom_schedules={
            "halved": Schedule("halved", "", push_codec=named(Halved)),
            "packed": Schedule("packed", "", push_codec=named(Packed)),
        },
    )
    whole = load_model("alexnet").bytes
    halved = experiment.demands("halved", "alexnet")
    assert halved.declared
    assert [one.bytes for one in halved] == [whole] * 3 + [whole // 2] * 3
    assert not experiment.demands("packed", "alexnet").declared
    top_k = [one.bytes for one in experiment.demands("top-k-1pct", "alexnet")]
    assert top_k[:3] == [whole] * 3
    assert top_k[3] / whole == pytest.approx(0.0202, abs=0.0001)
