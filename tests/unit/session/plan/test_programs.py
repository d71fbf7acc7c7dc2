from __future__ import annotations

from orchestrator.deployment import ProcessPlan
from orchestrator.deployment.plan import problems
from orchestrator.session.plan.programs import program_plans, strange_interfaces
from orchestrator.spec import Program, Scale, Throughput
from orchestrator.spec.experiment.programs import pack

ADDRESSES = {"a": "10.10.0.1", "b": "10.10.0.2"}
INTERFACES = {"a": "a-eth0", "b": "b-eth0"}
PROGRAM = Program(
    name="own",
    command=("python3", "train.py"),
    hosts=("b", "a"),
    throughput=Throughput(json="speed"),
    files={"train.py": pack(b"print(1)")},
    limit_seconds=7,
)


def plans_of(program: Program, prefix: str = "") -> dict[str, ProcessPlan]:
    return program_plans(
        program,
        Scale(8, 8),
        addresses=ADDRESSES,
        interfaces=INTERFACES,
        binaries="/venv/bin",
        prefix=prefix,
    )


def test_a_process_for_each_rank_finds_the_others_and_the_data_network() -> None:
    plans = plans_of(PROGRAM)
    assert list(plans) == ["b", "a"]
    assert problems(plans.values(), ADDRESSES) == []
    second = plans["a"]
    assert (second.argv, second.host, second.limit_seconds) == (PROGRAM.command, "a", 7)
    assert second.files == {"train.py": b"print(1)"}
    assert not second.events
    told = second.environment
    assert told["PATH"].startswith("/venv/bin:")
    wanted = {
        "RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1",
        "MASTER_ADDR": "10.10.0.2", "GLOO_SOCKET_IFNAME": "a-eth0",
        "NCCL_SOCKET_IFNAME": "a-eth0", "TP_SOCKET_IFNAME": "a-eth0",
        "PET_NNODES": "2", "PET_NODE_RANK": "1",
        "DMLBED_SCALE_R": "8", "DMLBED_SCALE_D": "8",
    }  # fmt: skip
    assert wanted.items() <= told.items()


def test_a_host_may_have_several_ranks() -> None:
    plans = plans_of(Program("own", ("x",), ("a", "a", "b"), Throughput(json="s")), prefix="job-")
    assert list(plans) == ["job-a", "job-a.1", "job-b"]
    assert problems(plans.values(), ADDRESSES) == []
    asked = ("RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    variables = [tuple(plan.environment[name] for name in asked) for plan in plans.values()]
    assert variables == [("0", "0", "2"), ("1", "1", "2"), ("2", "0", "1")]


def test_the_users_variables_go_over_ours_and_a_strange_network_is_named() -> None:
    own = {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    program = Program("own", ("x",), ("a", "b"), Throughput(json="s"), environment=own)
    assert own.items() <= plans_of(program)["b"].environment.items()
    assert strange_interfaces(program, INTERFACES) == (
        "its environment says GLOO_SOCKET_IFNAME=lo, and the data network is a-eth0",
    )
    assert strange_interfaces(PROGRAM, INTERFACES) == ()


def test_a_throughput_in_a_file_is_fetched_where_it_is() -> None:
    in_file = Throughput(json="s", file="out/speed.jsonl")
    plan = plans_of(Program("own", ("x",), ("a",), in_file))["a"]
    assert (plan.records, plan.needs_records) == ("out/speed.jsonl", False)
