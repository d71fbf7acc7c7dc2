"""Whole experiments through the command line: what they print, and what they leave behind."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from orchestrator.analysis.verdict import ABOVE_BOUND, LEVELS
from orchestrator.session.store.attempts import disturbed_by
from orchestrator.spec import FRAME_BYTES, PAYLOAD_BYTES, load_experiment
from tests.system.experiments import (
    StoredTrial,
    assert_ended_well,
    run_directory,
    stored_trials,
    write_experiment,
)
from tests.system.flow_classes import assert_flows_have_their_classes
from tests.system.program import ROOT, Running, dmlbed, dmlbed_argv
from tests.unit.workloads.reference import parameters
from workloads.models.profiles import load_model
from workloads.schedule.owners import units_of
from workloads.schedule.units import Layout

SMALL = 64 * 1024
"""Bytes at a port beside what an exchange sends: greetings, and questions of who is where."""

pytestmark = [pytest.mark.system, pytest.mark.beside]

MY_ORDER = """
from orchestrator.orders import Order

class Mine(Order):
    def pushes(self, setting, worker):
        return [-unit.number for unit in setting.units]
"""

MY_SCHEDULE = """custom_schedules:
  mine: {order: "my_order:Mine", place: host, slice: 64 KiB, synchronisation: per-slice}
"""

TRUNK = {"switch0->switch1": "payload_out", "switch1->switch0": "payload_in"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """Two schedules, each twice, with --json; `args[-1]` is where it wrote."""
    directory = tmp_path_factory.mktemp("finished")
    experiment = write_experiment(directory, repeats=2, cool_down=1)
    done = dmlbed("run", experiment, "--json", "--out", directory / "out")
    assert_ended_well(done.returncode, done.stdout + done.stderr)
    return done


@pytest.fixture(scope="module")
def run(finished: subprocess.CompletedProcess[str]) -> Path:
    return run_directory(Path(finished.args[-1]))


@pytest.fixture(scope="module")
def trials(run: Path) -> list[StoredTrial]:
    return stored_trials(run)


def test_standard_output_is_one_json_object(
    finished: subprocess.CompletedProcess[str], run: Path, trials: list[StoredTrial]
) -> None:
    assert len(trials) == 4
    answer = json.loads(finished.stdout)
    assert set(answer) == {"run", "rows", "failed", "missing"}
    assert (answer["failed"], answer["missing"]) == ([], 0)
    assert Path(answer["run"]) == run
    assert answer["rows"] == json.loads((run / "summary.json").read_text())
    rows = {row["schedule"]: row for row in answer["rows"]}
    assert list(rows) == ["none", "switch-priority"]
    for row in rows.values():
        assert row["model"] == "squeezenet"
        assert row["imgs_per_sec"] > 0
        # One that others disturbed is left out of the mean, unless both are.
        places = [one.directory for one in trials if one.schedule == row["schedule"]]
        disturbed = sum(map(bool, map(disturbed_by, places)))
        assert row["repeats"] == (2 if disturbed == 2 else 2 - disturbed)
        assert len(row["left_out"]) == 2 - row["repeats"]
        assert row["verdict"] in ("ok", "doubtful", "unusable")
    assert rows["none"]["speedup_pct"] is None
    assert isinstance(rows["switch-priority"]["speedup_pct"], float)


def test_progress_is_plain_lines_on_standard_error(
    finished: subprocess.CompletedProcess[str], run: Path
) -> None:
    lines = finished.stderr.splitlines()
    assert lines[0].startswith("scale R=4, D=0.4 on linux-bridge: 100 % of 1 Gbit/s both ways")
    assert lines[1:3] == [
        "building the testbed of ps-10g-1g-3workers, R=4, D=0.4",
        "switches: linux-bridge (asked for)",
    ]
    counted = [line for line in lines if line.startswith("[")]
    assert [line.partition("]")[0] for line in counted] == ["[1/4", "[2/4", "[3/4", "[4/4"]
    assert "iteration 4/4" in counted[0]
    assert "imgs/sec" in counted[0]
    assert "\x1b" not in finished.stderr
    assert f"run: {run}" in lines


def test_everything_is_there_and_nothing_else(run: Path, trials: list[StoredTrial]) -> None:
    names = {"run.json", "trials", "summary.csv", "summary.json", "figure.png", "figure.svg"}
    assert {path.name for path in run.iterdir()} == names
    # A B, then B A: a drift of the machine meets both schedules alike
    assert [trial.directory.name for trial in trials] == [
        "001-squeezenet-none-1",
        "002-squeezenet-switch-priority-1",
        "003-squeezenet-switch-priority-2",
        "004-squeezenet-none-2",
    ]
    processes = [f"{name}.jsonl" for name in ("ps", "worker0", "worker1", "worker2")]
    for trial in trials:
        files = {path.name for path in trial.directory.iterdir()}
        assert files == {"trial.json", "network.json", *processes}
        assert trial.record["outcome"] == "finished"
    assert json.loads((run / "run.json").read_text())["digest"] in run.name


def test_report_redraws_the_same(run: Path) -> None:
    before = {name: (run / name).read_bytes() for name in ("summary.json", "summary.csv")}
    for name in (*before, "figure.png", "figure.svg"):
        (run / name).unlink()
    done = dmlbed("report", run)
    assert done.returncode == 0, done.stderr
    assert "squeezenet" in done.stdout
    assert {name: (run / name).read_bytes() for name in before} == before
    assert (run / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (run / "figure.svg").read_text()


def test_schedules_and_repeats_end_with_the_same_parameters(trials: list[StoredTrial]) -> None:
    assert len({trial.parameters for trial in trials}) == 1


def test_ports_carried_what_the_parameter_server_sent_and_received(
    trials: list[StoredTrial],
) -> None:
    for trial in trials:
        iterations = trial.events("ps", "iteration")
        resent = FRAME_BYTES * sum(trial.network["tcp_retransmits"].values())
        for name, key in TRUNK.items():
            frames = sum(record[key] for record in iterations) * FRAME_BYTES / PAYLOAD_BYTES
            data = sum(
                port["bytes"] for port in trial.port(name)["classes"] if port["name"] != "ack"
            )
            assert frames <= data <= (frames + resent) * 1.01, (trial.directory.name, name)


def test_training_kept_off_the_management_network(trials: list[StoredTrial]) -> None:
    for trial in trials:
        assert set(trial.network["management_bytes"]) == {"ps", "worker0", "worker1", "worker2"}
        assert all(0 < count < 10**6 for count in trial.network["management_bytes"].values())


def test_schedules_differ_only_at_the_two_ports_of_the_trunk(trials: list[StoredTrial]) -> None:
    def shaped(trial: StoredTrial) -> dict[str, object]:
        asked = ("device", "rate_bps", "queue_bytes", "delay_us")
        return {
            port["port"]: (
                [port[key] for key in asked],
                [[c["name"], c["classid"], c["priority"]] for c in port["classes"]],
                [command for command in trial.network["commands"] if port["device"] in command],
            )
            for port in trial.network["ports"]
        }

    first = {trial.schedule: shaped(trial) for trial in trials[:2]}
    assert all(shaped(trial) == first[trial.schedule] for trial in trials[2:])
    none, priority = first["none"], first["switch-priority"]
    assert list(none) == list(priority)
    assert {port for port in none if none[port] != priority[port]} == set(TRUNK)
    for trial in trials:
        assert trial.network["kept_differs"] == []
        if trial.schedule == "switch-priority":
            classes = [entry["name"] for entry in trial.port("switch0->switch1")["classes"]]
            assert classes == ["ack", "worker0", "worker1", "worker2", "data"]


def test_without_a_server(tmp_path: Path) -> None:
    """On a star."""
    topology = tmp_path / "star.yaml"
    text = (ROOT / "topologies" / "star.yaml").read_text()
    topology.write_text(text.replace("{role: ps}", "{}"))
    experiment = write_experiment(tmp_path, topology=topology, schedules="ring, split")
    done = dmlbed("run", experiment, "--out", tmp_path / "out")
    assert_ended_well(done.returncode, done.stdout + done.stderr)
    stored = stored_trials(run_directory(tmp_path / "out"))
    assert [trial.record["outcome"] for trial in stored] == ["finished", "finished"]
    for trial in stored:
        ends = [trial.events(name, "end")[0] for name in ("worker0", "worker3")]
        assert ends[0]["parameters_sha256"] == ends[1]["parameters_sha256"]


def test_two_runs_side_by_side_do_not_meet(tmp_path: Path, trials: list[StoredTrial]) -> None:
    """Also not in their results: they share a directory, and may start in the same second."""
    experiment = write_experiment(tmp_path, schedules="none", cool_down=1)
    argv = dmlbed_argv("run", experiment, "--json", "--out", tmp_path / "out")
    with Running(argv) as one, Running(argv) as other:
        for running in (one, other):
            assert_ended_well(running.end(), running.said())
        answers = [json.loads("".join(running.stdout)) for running in (one, other)]
    runs = [Path(answer["run"]) for answer in answers]
    assert len(set(runs)) == 2
    for run in runs:
        (stored,) = stored_trials(run)
        assert stored.record["outcome"] == "finished"
        assert stored.parameters == trials[0].parameters


def test_the_schedules_of_the_hosts(tmp_path: Path) -> None:
    """Each trains to the same parameters, says what it is, and sends and asks for everything."""
    names = "tic, tac, fifo, fifo-sliced, bytescheduler, p3, planned-order, r2sp, "
    names += "staggered-workers, geryon, mine"
    (tmp_path / "my_order.py").write_text(MY_ORDER)
    experiment = write_experiment(tmp_path, schedules=names, more=MY_SCHEDULE)
    done = dmlbed("run", experiment, "--out", tmp_path / "out")
    assert_ended_well(done.returncode, done.stdout + done.stderr)
    run = run_directory(tmp_path / "out")
    rows = json.loads((run / "summary.json").read_text())
    assert [row["schedule"] for row in rows] == names.split(", ")
    ends = set()
    for trial in stored_trials(run):
        events = {event: trial.events("ps", event) for event in ("iteration", "end")}
        assert trial.record["communication"]["name"] == trial.schedule
        assert len({line["payload_in"] for line in events["iteration"]}) == 1
        assert all(line["payload_in"] == line["payload_out"] for line in events["iteration"])
        (end,) = events["end"]
        if trial.schedule == "geryon":
            assert_flows_have_their_classes(trial)
            assert {port["drops"] for port in trial.network["ports"]} == {0}
        if trial.schedule == "r2sp":
            assert_turns(trial)
        else:
            ends.add(end["parameters_sha256"])
    assert len(ends) == 1


def assert_turns(trial: StoredTrial) -> None:
    """One worker after the other pushes; a gradient is as far behind as there are others."""
    turns = []  # first and last moment of each, in the order in which they should be
    for spans in trial.events("ps", "spans"):
        for flat in spans["received"]:
            begins = [spans["origin_ns"] + begin for begin in flat[1::3]]
            ends = [begin + length for begin, length in zip(begins, flat[2::3], strict=True)]
            turns.append((min(begins), max(ends)))
    moments = [moment for turn in turns for moment in turn]
    assert moments == sorted(moments)
    (end,) = trial.events("ps", "end")
    once = end["staleness"]["0"]  # the first worker's first push
    iterations = sum(trial.record[key] for key in ("warm_up", "iterations", "cool_down"))
    assert end["staleness"] == {"0": once, "1": once, "2": (3 * iterations - 2) * once}


def test_workers_exchange_among_themselves(tmp_path: Path) -> None:
    """A user's own exchange, a ring, and a ring beside a server: bytes are where demands say."""
    shutil.copy(ROOT / "experiments" / "own_exchange.py", tmp_path)
    own = 'custom_schedules:\n  everyone: {exchange: "own_exchange:EveryoneToEveryone"}\n'
    file = write_experiment(tmp_path, schedules="everyone, ring, split", more=own)
    done = dmlbed("run", file, "--json", "--out", tmp_path / "out")
    assert_ended_well(done.returncode, done.stdout + done.stderr)
    experiment, model = load_experiment(file), load_model("squeezenet")
    for trial in stored_trials(run_directory(tmp_path / "out")):
        name, scale = trial.schedule, trial.record["scale"]
        assert (trial.directory / "ps.jsonl").exists() == (name == "split")
        times = sum(trial.record[key] for key in ("warm_up", "iterations", "cool_down"))
        layout = Layout(model, scale["rates"], scale["time"])
        resent = FRAME_BYTES * sum(trial.network["tcp_retransmits"].values())
        demands = experiment.demands(name, "squeezenet")
        assert [asdict(one) for one in demands] == trial.record["demands"]
        # Shares are whole slices, and a server answers no last push.
        slack = 0.0 if name == "everyone" else 0.05
        for port in trial.network["ports"]:
            data = sum(each["bytes"] for each in port["classes"] if each["name"] != "ack")
            crossing = [one for known in demands.crossed if str(known) == port["port"]
                        for one in demands.through(known)]  # fmt: skip
            moved = times * sum(one.bytes for one in crossing) / model.bytes * layout.bytes
            frames = moved * FRAME_BYTES / PAYLOAD_BYTES
            least, most = frames * (1 - slack), (frames + resent) * (1.01 + slack) + SMALL
            assert least <= data <= most, (name, port["port"])
        ended = {trial.events(f"worker{n}", "end")[0]["parameters_sha256"] for n in range(3)}
        assert len(ended) == 1
        assert (None in ended) == (name == "everyone")
    for row in json.loads(done.stdout)["rows"]:
        assert 0 < row["imgs_per_sec"] <= ABOVE_BOUND * row["bound_imgs_per_sec"]
        assert row["verdict"] in LEVELS


def test_two_servers_share_the_model(tmp_path: Path) -> None:
    """Half of the bytes each, on its own link, and together the parameters of one server."""
    file = write_experiment(
        tmp_path, topology=ROOT / "topologies" / "two-servers.yaml", schedules="p3, two-servers"
    )
    done = dmlbed("run", file, "--json", "--out", tmp_path / "out")
    assert_ended_well(done.returncode, done.stdout + done.stderr)
    one, two = stored_trials(run_directory(tmp_path / "out"))
    assert (one.record["servers"], two.record["servers"]) == (["ps0"], ["ps0", "ps1"])
    experiment = load_experiment(file)
    members, model = experiment.members("two-servers"), load_model("squeezenet")
    scale, schedule = experiment.scale, experiment.schedule("two-servers")
    layout = Layout(model, scale.rates, scale.time, schedule.slice_bytes)
    whole = parameters(
        model.tensors,
        scale.rates,
        scale.time,
        seed=experiment.seed,
        workers=len(members.workers),
        rate=experiment.learning_rate,
        iterations=experiment.all_iterations,
    )
    assert one.events("ps0", "end")[0]["parameters_sha256"] == hashlib.sha256(whole).hexdigest()
    for server in members.servers:
        chunks = [chunk for unit in units_of(layout, members, server) for chunk in unit.chunks]
        own = b"".join(whole[chunk.start : chunk.start + chunk.length] for chunk in chunks)
        assert two.events(server, "end")[0]["parameters_sha256"] == hashlib.sha256(own).hexdigest()
        moved = experiment.all_iterations * len(members.workers) * len(own)
        frames = moved * FRAME_BYTES / PAYLOAD_BYTES
        resent = FRAME_BYTES * sum(two.network["tcp_retransmits"].values())
        for name in (f"core->{server}", f"{server}->core"):
            port = two.port(name)
            data = sum(each["bytes"] for each in port["classes"] if each["name"] != "ack")
            assert frames <= data <= (frames + resent) * 1.01 + SMALL, name
    rows = json.loads(done.stdout)["rows"]
    assert all(row["verdict"] in LEVELS for row in rows)


RENAMED = {"worker1": "Worker0", "worker2": "gpu_17.rack4.example.org"}
"""Names as clusters have them, two of which differ in case only."""


def test_groups_send_each_gradient_once_over_their_trunks(tmp_path: Path) -> None:
    """Two racks of three: a third of what a parameter server's workers send, and the same bits."""
    text = (ROOT / "topologies" / "two-rack-tree.yaml").read_text()
    for name, other in RENAMED.items():
        text = text.replace(name, other)
    tree = tmp_path / "tree.yaml"
    tree.write_text(text)
    again = "custom_schedules:\n  again: {exchange: hybrid, order: planned, place: host, "
    again += "slice: 160000 B, synchronisation: per-slice}\n"
    names = "none, switch-priority, hybrid, again"
    file = write_experiment(tmp_path, topology=tree, schedules=names, more=again)
    done = dmlbed("run", file, "--json", "--out", tmp_path / "out")
    assert_ended_well(done.returncode, done.stdout + done.stderr)
    of_servers: list[StoredTrial] = []
    of_groups: list[StoredTrial] = []
    for trial in stored_trials(run_directory(tmp_path / "out")):
        (of_groups if trial.schedule in ("hybrid", "again") else of_servers).append(trial)
    for trials in (of_servers, of_groups):
        assert [trial.record["outcome"] for trial in trials] == ["finished", "finished"]
        assert len({trial.parameters for trial in trials}) == 1
    experiment, model = load_experiment(file), load_model("squeezenet")
    layout = Layout(model, experiment.scale.rates, experiment.scale.time)
    times = experiment.all_iterations
    for trial in of_groups:
        (end,) = trial.events("ps", "end")
        assert end["payload_in"] == end["payload_out"] == 2 * times * layout.bytes
        resent = FRAME_BYTES * sum(trial.network["tcp_retransmits"].values())
        payload = times * layout.bytes
        for rack in range(2):
            ends = [("core", 1.0)]
            # Two thirds round the ring twice, and its own third to the server and back.
            members = [f"worker{number}" for number in range(3 * rack, 3 * rack + 3)]
            ends += [(RENAMED.get(name, name), 5 / 3) for name in members]
            for peer, share in ends:
                for name in (f"rack{rack}->{peer}", f"{peer}->rack{rack}"):
                    assert_carried(trial, name, share * payload, resent)


def assert_carried(trial: StoredTrial, name: str, payload: float, resent: int) -> None:
    """See that a port carried a payload: as much, up to the slices that an owner has more."""
    data = sum(each["bytes"] for each in trial.port(name)["classes"] if each["name"] != "ack")
    frames = payload * FRAME_BYTES / PAYLOAD_BYTES
    assert 0.98 * frames <= data <= (frames + resent) * 1.02 + SMALL, name
