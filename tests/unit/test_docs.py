"""What README and docs show works as it is shown there."""

from __future__ import annotations

import re
import shlex
from configparser import ConfigParser
from pathlib import Path

import click
import pytest

from orchestrator.cli.main import VERBS, cli
from orchestrator.orders import OwnOrder
from orchestrator.spec import Experiment, Topology, load_any, load_experiment
from orchestrator.spec.files.device_file import read_device
from orchestrator.spec.files.model_file import LayerFile, read_model
from scripts import reference

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, ROOT / "CONTRIBUTING.md", *DOCS]
PAGE_NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def prose(page: str) -> str:
    """A page without its blocks: what is a link or a heading there is none here."""
    return re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(str(page.relative_to(ROOT))), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in headings}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The README's two files, named as it says."""
    topology, experiment = blocks("README.md", "yaml")
    (tmp_path / "my-cluster.yaml").write_text(topology)
    (tmp_path / "my-question.yaml").write_text(experiment)
    return tmp_path


def with_keys(folder: Path, keys: str) -> Experiment:
    """The README's experiment with what a page shows in place of its own keys."""
    shown = set(re.findall(r"^(\w+):", keys, re.MULTILINE))
    own = (folder / "my-question.yaml").read_text().splitlines()
    kept = [line for line in own if line.partition(":")[0] not in shown]
    (folder / "changed.yaml").write_text("\n".join(kept) + "\n" + keys)
    return load_experiment(folder / "changed.yaml")


def test_the_readme_is_short_and_leads_to_every_page() -> None:
    text = README.read_text()
    assert len(text.splitlines()) <= 150
    for page in DOCS:
        assert f"](docs/{page.name})" in text


def test_the_first_question_is_a_topology_and_an_experiment_on_it(folder: Path) -> None:
    loaded = load_any(folder / "my-question.yaml")
    assert isinstance(loaded, Experiment)
    assert loaded.topology.name == "my-cluster"


def test_the_topology_page_shows_a_topology(folder: Path) -> None:
    shown, many = blocks("docs/topology.md", "yaml")
    (folder / "shown.yaml").write_text(shown)
    loaded = load_any(folder / "shown.yaml")
    assert isinstance(loaded, Topology)
    assert [host.cores for host in loaded.hosts] == [16, 6, 2]
    device = "defaults: {worker: {device: published-worker-6-cores-2GHz}}"
    (folder / "many.yaml").write_text(f"name: many\n{device}\n{many}")
    repeated = load_any(folder / "many.yaml")
    assert isinstance(repeated, Topology)
    assert (len(repeated.hosts), len(repeated.links)) == (21, 21)


def test_the_experiment_page_shows_an_experiment_and_sweeps_of_it(folder: Path) -> None:
    shown, placed = blocks("docs/experiment.md", "yaml")
    (folder / "shown.yaml").write_text(shown)
    assert isinstance(load_any(folder / "shown.yaml"), Experiment)
    sweeps = re.findall(r"^\| `(\w+: .*?)` \|", prose("docs/experiment.md"), re.MULTILINE)
    read = {with_keys(folder, f"sweep: {{{sweep}}}\n").sweep for sweep in sweeps}
    varied = {variable.key for sweep in read if sweep for variable in sweep.variables}
    shown_keys = {"batch", "workers", "congestion_control", "send_buffer", "rate", "slice"}
    assert varied == shown_keys
    assert max(len(sweep.variables) for sweep in read if sweep) == 2
    names = {"ps": "node3", "worker0": "node0", "worker1": "node2"}
    cluster = (folder / "my-cluster.yaml").read_text()
    renamed = re.sub(r"(?<!role: )\b(ps|worker[01])\b", lambda read: names[read[0]], cluster)
    (folder / "my-cluster.yaml").write_text(renamed)
    assert with_keys(folder, placed).placement.workers == ("node0", "node2")


def test_the_program_that_is_shown_is_one(folder: Path) -> None:
    (shown,) = blocks("docs/programs.md", "yaml")
    (folder / "train.py").write_text("")
    program = with_keys(folder, shown).programs["mine"]
    assert list(program.files) == ["train.py"]


def test_the_schedules_that_are_shown_are_valid(folder: Path) -> None:
    schedule, averaging = blocks("docs/schedules.md", "yaml")
    assert with_keys(folder, schedule).schedule("mine").at_host
    assert with_keys(folder, averaging).schedule("outer").averages


def test_the_device_model_that_is_shown_serves_a_topology_that_names_it(folder: Path) -> None:
    device, defaults = blocks("docs/extending.md", "yaml")
    topology = (folder / "my-cluster.yaml").read_text()
    changed = re.sub(r"defaults:\n( .*\n)*", defaults, topology)
    (folder / "my-cluster.yaml").write_text(changed)
    loaded = with_keys(folder, device)
    assert (
        {loaded.topology.host(worker).device for worker in loaded.placement.workers}
        == set(loaded.devices)
        == {"my-gpu"}
    )


def test_the_devices_that_are_shown_are_some(tmp_path: Path) -> None:
    _, constants, trees = blocks("docs/devices.md", "yaml")
    for text in (constants, trees):
        (tmp_path / "device.yaml").write_text(text)
        read_device(tmp_path / "device.yaml", "device.yaml")


def test_the_model_that_is_shown_is_one(tmp_path: Path) -> None:
    (shown,) = blocks("docs/models.md", "yaml")
    (tmp_path / "mine.yaml").write_text(shown)
    model = read_model(tmp_path / "mine.yaml", "mine.yaml", "mine")
    keys = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", prose("docs/models.md"), re.MULTILINE)
    assert set(re.findall(r"\w+", " ".join(keys))) == set(LayerFile.model_fields)
    assert [layer.name for layer in model.layers] == ["words", "left", "right", "mix", "head"]
    (module,) = blocks("docs/models.md", "python")
    compile(module, "my_net.py", "exec")


def test_the_order_that_is_shown_is_the_one_that_is_shipped() -> None:
    shown, *_ = blocks("docs/extending.md", "python")
    assert (ROOT / "experiments" / "own_order.py").read_text().endswith(shown)
    loaded = load_experiment(ROOT / "experiments" / "own-order.yaml")
    assert type(loaded.order("smallest-first")).__name__ == "SmallestFirst"


def test_the_codec_the_exchange_and_the_program_that_are_shown_are_those_that_are_shipped() -> None:
    _, codec, exchange, sending, program = blocks("docs/extending.md", "python")
    assert (ROOT / "experiments" / "own_codec.py").read_text().endswith(codec)
    shipped = (ROOT / "experiments" / "own_exchange.py").read_text()
    for shown in (exchange, sending, program):
        imports, _, classes = shown.partition("\n\n\n")
        assert classes.rstrip() in shipped
        for line in filter(None, imports.splitlines()):
            names = line.partition(" import ")[2].split(", ")
            assert all(name in shipped.partition("\n\n\n")[0] for name in names), line
    coded = load_experiment(ROOT / "experiments" / "own-codec.yaml").own_code
    assert list(coded.codecs) == ["own_codec:HalfBits"]
    own = load_experiment(ROOT / "experiments" / "own-exchange.yaml").own_code
    assert list(own.exchanges) == [
        "own_exchange:Alone",
        "own_exchange:EveryoneToEveryone",
        "own_exchange:Watched",
    ]
    assert list(own.programs) == ["own_exchange:Watcher"]


def test_the_entry_point_that_is_shown_is_of_the_group_that_is_searched() -> None:
    (shown,) = blocks("docs/extending.md", "ini")
    parser = ConfigParser()
    parser.read_string(shown)
    points = parser["options.entry_points"][OwnOrder.kind.entry_points]
    assert re.fullmatch(r"\w+ = [\w.]+:\w+", points.strip())


def verb_options(verb: str) -> set[str]:
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None, verb
    found = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
    return {name for one in found for parameter in one.params for name in parameter.opts}


def test_the_commands_page_has_every_verb_with_options_that_it_takes() -> None:
    rows = list(re.finditer(r"^\| `dmlbed (\w+).*$", prose("docs/commands.md"), re.MULTILINE))
    assert {row[1] for row in rows} == set(VERBS)
    for row in rows:
        assert set(re.findall(r"--[a-z-]+", row[0])) <= verb_options(row[1]), row[0]


@pytest.mark.parametrize("page", PAGE_NAMES)
def test_commands_that_are_shown_can_be_typed(page: str, folder: Path) -> None:
    text = (ROOT / page).read_text()
    shown = re.findall(r"^    (?:sudo )?(?:\S*/)?dmlbed (.*)$", text, re.MULTILINE)
    shown += re.findall(
        r"`(?:sudo )?(?:\.venv/bin/)?dmlbed ([a-z]+ [^`|]*\.yaml[^`|]*)`", prose(page)
    )
    pages = "\n".join(map(prose, PAGE_NAMES))
    made = {*re.findall(r"dmlbed profile (\S+\.yaml)", pages)}
    made |= {*re.findall(r"dmlbed model import .*> (\S+\.yaml)", pages)}
    for line in shown:
        verb, *arguments = shlex.split(line.replace("\n", " "), comments=True)
        command = cli.get_command(click.Context(cli), verb)
        assert command is not None, line
        command.make_context(verb, list(arguments))
        for file in (one for one in arguments if one.endswith(".yaml") and one not in made):
            assert (ROOT / file).exists() or (folder / file).exists(), line


@pytest.mark.parametrize("page", PAGE_NAMES)
def test_targets_are_in_the_makefile(page: str) -> None:
    makefile = (ROOT / "Makefile").read_text()
    code = re.findall(r"`([^`]*)`|^    (.*)$", prose(page), re.MULTILINE)
    for target in re.findall(r"\bmake ([a-z-]+)", "\n".join(map("".join, code))):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("page", PAGE_NAMES)
def test_links_lead_somewhere(page: str) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", prose(page)):
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        target = ((ROOT / page).parent / place).resolve() if place else ROOT / page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_generated_tables_are_up_to_date(page: Path) -> None:
    text = page.read_text()
    assert text.count("<!-- generated:") == len(reference.names(text)), "a marker has no end"
    assert text == reference.filled(text), "run .venv/bin/python -m scripts.reference"


def test_every_table_is_in_one_page() -> None:
    shown = [name for page in DOCS for name in reference.names(page.read_text())]
    assert sorted(shown) == sorted(reference.TABLES)


def test_a_table_of_a_page_is_replaced() -> None:
    page = "a\n<!-- generated: switches -->\nold\n<!-- end of switches -->\nb\n"
    filled = reference.filled(page)
    assert "old" not in filled
    assert "| `linux-bridge` |" in filled
    assert (filled.startswith("a\n<!--"), filled.endswith("-->\nb\n")) == (True, True)


@pytest.mark.parametrize("page", PAGE_NAMES)
def test_files_that_are_named_exist(page: str) -> None:
    folders = "docs|experiments|orchestrator|scripts|tests|topologies|workloads"
    for path in re.findall(rf"`((?:{folders})/[\w./-]*)`", prose(page)):
        assert (ROOT / path).exists() or "VERB" in path, path


def test_the_rooms_of_the_picture_are_those_of_the_code() -> None:
    named = re.findall(r"^\| `orchestrator/(\w+)/`", prose("docs/architecture.md"), re.MULTILINE)
    rooms = {path.parent.name for path in (ROOT / "orchestrator").glob("*/__init__.py")}
    assert set(named) == rooms
