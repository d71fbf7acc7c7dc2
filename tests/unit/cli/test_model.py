"""`dmlbed model`: a torch module becomes a file; tables and drawings."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from orchestrator.cli.main import cli
from orchestrator.cli.model.drawing import columns_of, levels_of, svg_of
from workloads.models.profiles import load_model

NETWORK = """\
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.words = torch.nn.Embedding(50, 8)
        self.one, self.two = torch.nn.Linear(8, 8), torch.nn.Linear(8, 8)
        self.head = torch.nn.Linear(8, 50, bias=False)
        self.head.weight = self.words.weight

    def forward(self, tokens):
        x = self.words(tokens)
        if x.shape[1] > 2:
            x = self.one(x) + self.two(x)
        return self.head(x)

def small():
    return Net(), torch.zeros(1, 4, dtype=torch.int64)

def alone():
    return Net()
"""


def run(*args: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(cli, ["model", *args])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net_of_test_model.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_module_becomes_a_file_that_is_shown_and_drawn(folder: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed: make setup-torch")
    code, text, said = run("import", "net_of_test_model:small")
    assert (code, said) == (0, "")
    (folder / "mine.yaml").write_text(text)
    code, text, _ = run("show", "mine.yaml", "--json")
    model = json.loads(text)
    assert code == 0
    assert [(layer["name"], layer["needs"]) for layer in model["layers"]] == [
        ("words", []), ("one", ["words"]), ("two", ["words"]), ("head", ["one", "two"])
    ]  # fmt: skip
    assert model["layers"][3]["tied"] == ["words.weight"]
    assert (model["unit"], model["items_per_example"], model["name"]) == ("tokens", 4, "mine.yaml")
    code, text, said = run("show", "mine.yaml", "--svg", "mine.svg")
    assert "one + two" in text
    assert "544 parameters" in text
    assert ElementTree.parse(folder / "mine.svg").getroot().tag.endswith("svg")
    shape = ("--input", "1,2", "--dtype", "int64")
    code, text, _ = run("import", "net_of_test_model:alone", *shape, "--out", "two.yaml")
    assert code == 0
    assert json.loads(run("show", "two.yaml", "--json")[1])["layers"][1]["name"] == "head"


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["import", "net_of_test_modle:small"], "did you mean 'net_of_test_model'?"),
        (["import", "net_of_test_model:smal"], "has no attribute 'smal'"),
        (["import", "net_of_test_model:alone"], "(--input 1,3,224,224)"),
        (["import", "net_of_test_model"], "is not module:factory"),
        (["import", "net_of_test_model:small", "--input", "3,224"], "no shape of a batch of one"),
        (["show", "alexnett"], "did you mean 'alexnet'?"),
        (["show", "missing.yaml"], "missing.yaml"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_imported_or_shown(args: list[str], problem: str) -> None:
    if args[0] == "import":
        pytest.importorskip("torch", reason="torch is not installed: make setup-torch")
    code, text, said = run(*args)
    assert (code, text) == (2, "")
    assert problem in said
    assert len(said.splitlines()) == 1


def test_a_layer_is_drawn_below_what_it_needs_and_beside_its_equals() -> None:
    graph = ((), (0,), (0,), (1,), (2, 3))
    levels = levels_of(graph)
    assert levels == [0, 1, 1, 2, 3]
    columns = columns_of(graph, levels)
    assert len({(levels[layer], columns[layer]) for layer in range(len(graph))}) == len(graph)


def test_a_drawing_has_a_box_for_each_layer_and_a_line_for_each_need() -> None:
    model = load_model("googlenet")
    drawing = ElementTree.fromstring(svg_of(model))
    names = [one.tag.rpartition("}")[2] for one in drawing.iter()]
    assert names.count("g") == len(model.layers)
    assert names.count("path") == sum(map(len, model.graph))
