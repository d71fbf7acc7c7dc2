from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from orchestrator.emulation.network.addresses import counting_devices, data_devices
from orchestrator.emulation.ports import link_sampler
from orchestrator.emulation.ports.link_sampler import LinkSampler, device_bytes
from orchestrator.spec import load_topology

PUBLISHED = load_topology(Path(__file__).parents[4] / "topologies/ps-10g-1g-3workers.yaml")
DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop
    lo:     100       1    0    0    0     0          0         0      200       1    0    0
switch0-eth0: 7 1 0 0 0 0 0 0 9 1 0 0
"""


def test_bytes_by_interface_and_side() -> None:
    counted = device_bytes(DEV)
    assert counted["lo", "received"] == 100
    assert (counted["switch0-eth0", "received"], counted["switch0-eth0", "sent"]) == (7, 9)


def sampler() -> LinkSampler:
    numbers = count(1)

    def read() -> str:
        return f"a: {100 * next(numbers)} 0 0 0 0 0 0 0 5\n"

    places = {"h->s": ("a", "received"), "s->h": ("a", "sent")}
    return LinkSampler(places, read=read, clock_ns=count(0, 10).__next__)  # type: ignore[arg-type]


def test_samples_count_from_the_first_one() -> None:
    one = sampler()
    assert one.record().samples == ()
    for _ in range(3):
        one.sample()
    assert one.record().ports == ("h->s", "s->h")
    assert one.record().samples == ((0, 0, 0), (10, 100, 0), (20, 200, 0))


def test_a_long_trial_is_sampled_more_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_sampler, "MOST_SAMPLES", 4)
    one = sampler()
    assert one.record().period == 0.1
    for _ in range(5):
        one.sample()
    assert [t_ns for t_ns, *_ in one.record().samples] == [0, 20, 40]
    assert one.record().period == 0.2


def test_many_ports_are_sampled_more_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_sampler, "MOST_COUNTS", 6000)
    places = {f"h{n}->s": (f"s-eth{n}", "received") for n in range(1000)}
    one = LinkSampler(places, read=lambda: "", clock_ns=count(0, 10).__next__)  # type: ignore[arg-type]
    assert one.record().period == 0.5
    for _ in range(7):
        one.sample()
    assert [t_ns for t_ns, *_ in one.record().samples] == [0, 20, 40, 60]
    assert one.record().period == 1


def test_every_link_is_counted_by_a_switch() -> None:
    devices = counting_devices(PUBLISHED)
    assert devices["ps->switch0"] == ("switch0-eth0", "received")
    assert devices["switch0->ps"] == ("switch0-eth0", "sent")
    assert devices["switch0->switch1"] == ("switch0-eth1", "sent")
    assert len(devices) == 2 * len(PUBLISHED.links)
    assert data_devices(PUBLISHED) == {host.name: f"{host.name}-eth0" for host in PUBLISHED.hosts}
