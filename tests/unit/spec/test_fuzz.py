"""Whatever a file contains: it is loaded, or refused with places that exist."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestrator.errors import InputError, Problem
from orchestrator.spec import load_any, load_experiment, load_topology
from orchestrator.spec.files.experiment_file import ExperimentFile
from orchestrator.spec.files.topology_file import TopologyFile

ROOT = Path(__file__).parents[3]
SEEDS = [
    (ROOT / "topologies/ps-10g-1g-3workers.yaml").read_text(encoding="utf-8"),
    (ROOT / "experiments/published.yaml").read_text(encoding="utf-8"),
    (ROOT / "tests/golden/good/directions.yaml").read_text(encoding="utf-8"),
    (ROOT / "tests/golden/good/experiment-full.yaml").read_text(encoding="utf-8"),
]
KEYS = sorted(
    {*TopologyFile.model_fields, *ExperimentFile.model_fields, "role", "endpoints", "rate", "ps"}
)
PLACE = re.compile(r"(?P<file>.*?)(:(?P<line>\d+):(?P<column>\d+))?", re.DOTALL)

fuzz = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def problems_of(load: Callable[[Path], object], file: Path) -> tuple[Problem, ...]:
    try:
        load(file)
    except InputError as error:
        return error.problems or (Problem("nowhere", "an error without a problem"),)
    return ()


def check(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    # YAML counts more characters as line ends than "\n"; the last line may be empty.
    count = len(content.decode("utf-8", "replace").splitlines()) + 1
    for load in (load_any, load_topology, load_experiment):
        marks: list[tuple[int, int]] = []
        for problem in problems_of(load, file):
            assert str(problem).isprintable()
            place = PLACE.fullmatch(problem.place)
            assert place
            if place["file"] == str(file) and place["line"]:
                marks.append((int(place["line"]), int(place["column"])))
        assert marks == sorted(marks)
        assert all(1 <= line <= count and column >= 1 for line, column in marks)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "fuzz.yaml"


@fuzz
@given(content=st.binary(max_size=300))
@example(content=b"\xef\xbb\xbf")
@example(content=b'"\\UFFFFFFFF": 1')
def test_random_bytes(file: Path, content: bytes) -> None:
    check(file, content)


@fuzz
@given(
    content=st.text(alphabet="abn01 \n\t:-[]{},#&*!|>'\"%?@`~<=.\\\x85\u2028ü\ud7ff", max_size=200)
)
def test_random_text_with_the_signs_of_yaml(file: Path, content: str) -> None:
    check(file, content.encode())


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["none", "ps", "worker", "1 Gbps", "1g", "50us", "alexnet", "switch0", "."])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=15,
)


@fuzz
@given(data=st.dictionaries(st.sampled_from(KEYS), values, max_size=8))
def test_random_values_under_known_keys(file: Path, data: dict[str, object]) -> None:
    check(file, yaml.safe_dump(data, allow_unicode=True).encode("utf-8", "replace"))


@fuzz
@given(
    seed=st.sampled_from(SEEDS),
    cuts=st.lists(
        st.tuples(
            st.integers(0, 2000),
            st.integers(0, 12),
            st.sampled_from(
                ["", " ", "\n", "~", "-1", "[]", "{}", ": ", "&a ", "*a", "<<: *a, ", "!!int ", "é"]
            ),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_good_files_with_damage(file: Path, seed: str, cuts: list[tuple[int, int, str]]) -> None:
    text = seed
    for start, length, insert in cuts:
        place = start % (len(text) + 1)
        text = text[:place] + insert + text[place + length :]
    check(file, text.encode())
