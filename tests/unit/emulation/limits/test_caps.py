"""What is enforced of the caps that a topology asks for, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from orchestrator.emulation.limits.caps import (
    PROGRAM_BYTES,
    HostCaps,
    Limits,
    MachineCapacity,
    cpu_list,
    host_caps,
    limits_text,
    memory_cap,
    notes,
    refusals,
    require_capacity,
    warnings,
)
from orchestrator.errors import MachineError
from orchestrator.spec import Host, Scale, Topology

GIB = 2**30
REAL = Scale(rates=1, time=1)


def capacity(
    cpus: int = 2, memory: int = 24 * GIB, missing: Mapping[str, str] | None = None
) -> MachineCapacity:
    return MachineCapacity(tuple(range(cpus)), memory, missing or {})


def caps(
    *hosts: tuple[float | None, int | None] | Host,
    scale: Scale = REAL,
    here: MachineCapacity | None = None,
) -> tuple[HostCaps, ...]:
    made = tuple(
        host if isinstance(host, Host) else Host(f"h{n}", None, host[0], host[1])
        for n, host in enumerate(hosts)
    )
    return host_caps(Topology("t", "", made, (), ()), scale, here or capacity())


@pytest.mark.parametrize(
    ("asked", "quota", "enforced", "why_not"),
    [
        (None, None, None, ()),
        (0.5, 5000, 0.5, ()),
        (1, 10_000, 1, ()),
        (1.5, 15_000, 1.5, ()),
        # All CPUs are a cap in themselves: a quota would only add its own unevenness.
        (2, None, 2, ()),
        (16, None, 2, ("asked 16 cores, enforced: all 2, the machine has no more",)),
    ],
)
def test_cores(
    asked: float | None, quota: int | None, enforced: float | None, why_not: tuple[str, ...]
) -> None:
    (cap,) = caps((asked, None))
    assert cap.limits.quota_us == quota
    assert cap.enforced.cores == enforced
    assert cap.why_not == why_not


def test_the_least_quota_that_the_kernel_takes_is_kept_by_a_longer_period() -> None:
    assert (Limits(cores=0.01).quota_us, Limits(cores=0.01).period_us) == (1000, 100_000)
    assert (Limits(cores=0.3).quota_us, Limits(cores=0.3).period_us) == (3000, 10_000)
    for hundredths in range(1, 400):
        limits = Limits(cores=hundredths / 100)
        assert limits.quota_us is not None
        assert limits.quota_us >= 1000
        assert 10_000 <= limits.period_us <= 1_000_000
        assert limits.quota_us / limits.period_us == pytest.approx(hundredths / 100, rel=0.001)


@pytest.mark.parametrize(
    ("asked", "cores", "limits", "enforced", "why_not"),
    [
        ((0, 1), None, Limits(cpuset=(0, 1)), Limits(2, None, (0, 1)), ()),
        ((1,), 0.5, Limits(0.5, None, (1,)), Limits(0.5, None, (1,)), ()),
        (
            (1,),
            2,
            Limits(None, None, (1,)),
            Limits(1, None, (1,)),
            ("asked 2 cores, enforced: all 1, its cpuset has no more",),
        ),
        (
            (1, 7),
            None,
            Limits(None, None, (1,)),
            Limits(1, None, (1,)),
            ("no CPU 7 here: the machine has 0-3",),
        ),
        ((7,), None, Limits(), Limits(), ("no CPU 7 here: the machine has 0-3",)),
    ],
)
def test_cpuset(
    asked: tuple[int, ...],
    cores: float | None,
    limits: Limits,
    enforced: Limits,
    why_not: tuple[str, ...],
) -> None:
    (cap,) = caps(Host("ps", None, cores, None, asked), here=capacity(cpus=4))
    assert (cap.limits, cap.enforced, cap.why_not) == (limits, enforced, why_not)


def test_memory_scales_like_bytes_but_for_the_programs_own() -> None:
    assert memory_cap(256 * 2**20, REAL) == 256 * 2**20
    assert memory_cap(256 * 2**20, Scale(rates=8, time=8)) == 256 * 2**20
    assert (
        memory_cap(16 * GIB, Scale(rates=16, time=1))
        == PROGRAM_BYTES + (16 * GIB - PROGRAM_BYTES) // 16
    )
    assert memory_cap(PROGRAM_BYTES, Scale(rates=16, time=1)) == PROGRAM_BYTES
    assert memory_cap(2**20, Scale(rates=16, time=1)) == 2**20


def test_a_host_with_more_memory_than_the_machine_is_refused() -> None:
    here = capacity(memory=8 * GIB)
    host = caps((None, 16 * GIB), (None, 4 * GIB), here=here)
    with pytest.raises(MachineError) as error:
        require_capacity(host, here)
    assert str(error.value) == (
        "host h0 asks for 16 GiB of memory; this machine has 8 GiB"
        " (a smaller D/R in --scale R,D, or less memory in the topology)"
    )
    # In proportion it fits.
    smaller = caps((None, 16 * GIB), (None, 4 * GIB), scale=Scale(rates=4, time=1), here=here)
    require_capacity(smaller, here)
    larger = caps((None, 16 * GIB), scale=Scale(rates=1, time=0.6), here=here)
    assert refusals(larger, here) == (
        "host h0 asks for 16 GiB of memory, 9.7 GiB at this scale; this machine has 8 GiB",
    )


def test_the_sum_of_memory_is_a_warning_and_the_sum_of_cores_a_note() -> None:
    published = caps((16, 16 * GIB), (6, 4 * GIB), (6, 4 * GIB), (6, 4 * GIB))
    assert refusals(published, capacity()) == ()
    assert warnings(published, capacity()) == (
        "the hosts' memory caps add up to 28 GiB, this machine has 24 GiB: "
        "not all hosts can fill theirs at once",
    )
    assert notes(published, capacity()) == (
        "the hosts' CPU caps add up to 8 cores, this machine has 2: "
        "not all hosts can use theirs at once",
    )
    modest = caps((1, 16 * GIB), (1, 8 * GIB))
    assert warnings(modest, capacity()) == ()
    assert notes(modest, capacity()) == ()


def test_without_controllers_nothing_is_enforced_and_it_is_said_why() -> None:
    here = capacity(missing={"cpu": "none here", "memory": "read-only", "cpuset": "gone"})
    host = caps(Host("ps", None, 16, 64 * GIB, (0,)), (None, None), here=here)
    assert [cap.enforced for cap in host] == [Limits(None, None, (0,)), Limits()]
    assert host[0].why_not == (
        "CPU 0 by affinity, which a program may change for itself: gone",
        "no CPU cap: none here",
        "no memory cap: read-only",
    )
    assert host[1].why_not == ()
    require_capacity(host, here)
    assert warnings(host, here) == (
        "no cpu caps are enforced: none here",
        "no memory caps are enforced: read-only",
    )
    assert warnings(host[1:], here) == ()


def test_what_the_kernel_refused_is_not_called_enforced() -> None:
    (cap,) = caps((0.5, GIB))
    after = cap.after(Limits(None, GIB), ["the kernel refused it"])
    assert after.enforced == Limits(None, GIB)
    assert after.why_not == ("the kernel refused it",)
    assert cap.after(cap.limits, []) == cap


def test_a_cpuset_that_the_kernel_refused_is_kept_by_affinity() -> None:
    (cap,) = caps(Host("ps", None, None, None, (1,)))
    assert (cap.cpuset_by, cap.affinity) == ("cgroup", ())
    after = cap.after(Limits(), ["the kernel refused cpuset.cpus 1: Permission denied"])
    assert (after.enforced.cpuset, after.cpuset_by, after.affinity) == ((1,), "affinity", (1,))
    assert after.why_not[1].startswith("CPU 1 by affinity")


def test_words() -> None:
    assert cpu_list((0, 1, 2, 5, 7, 8)) == "0-2,5,7-8"
    assert limits_text(Limits(0.5, 256 * 2**20, (0, 1))) == "0.5 core, 256 MiB, CPU 0-1"
    assert limits_text(Limits(16, 16 * GIB)) == "16 cores, 16 GiB"
    assert limits_text(Limits()) == ""
