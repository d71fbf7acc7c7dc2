"""What the README shows works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.cli.main import VERBS
from orchestrator.spec import Experiment, load_any, load_experiment
from workloads.models import model_names

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_its_files_are_a_topology_and_an_experiment_on_it(tmp_path: Path) -> None:
    topology, experiment, own = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "my-cluster.yaml").write_text(topology)
    (tmp_path / "my-question.yaml").write_text(experiment)
    kept = [line for line in experiment.splitlines() if not line.startswith("schedules:")]
    (tmp_path / "with-a-schedule.yaml").write_text("\n".join(kept) + "\n" + own)
    assert load_experiment(tmp_path / "with-a-schedule.yaml").schedule("mine").at_host
    loaded = load_any(tmp_path / "my-question.yaml")
    assert isinstance(loaded, Experiment)
    assert loaded.topology.name == "my-cluster"


def test_its_order_is_the_one_that_is_shipped() -> None:
    (shown,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert (ROOT / "experiments" / "own_order.py").read_text().endswith(shown)
    loaded = load_experiment(ROOT / "experiments" / "own-order.yaml")
    assert type(loaded.order("smallest-first")).__name__ == "SmallestFirst"


def test_it_names_every_verb_and_every_model() -> None:
    for verb in VERBS:
        assert f"`dmlbed {verb}" in README
    models = re.search(r"^Models: (.*?)\. Exit", README, re.DOTALL | re.MULTILINE)
    assert models is not None
    assert set(re.split(r",\s+", models[1])) == set(model_names())


def test_its_targets_are_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"make ([a-z]+)", README)) - {"to"}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert "://" in target or (ROOT / target).exists(), target
