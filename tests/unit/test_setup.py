"""What set-up installs is what the testbed needs."""

from __future__ import annotations

import configparser
import re
import subprocess
from pathlib import Path

from orchestrator.emulation.needs import PROGRAMS, Need

ROOT = Path(__file__).parents[2]
SCRIPT = (ROOT / "scripts" / "setup").read_text()


def test_set_up_installs_the_package_of_every_program_that_a_testbed_needs() -> None:
    table = re.search(r'requirements="\\\n(.*?)"', SCRIPT, re.DOTALL)
    assert table is not None
    installed = {line.split()[1] for line in table[1].splitlines()}
    needed = {p.package for p in PROGRAMS if p.need in (Need.RUN, Need.OPENFLOW, Need.BENCH)}
    assert needed - {"util-linux"} <= installed


def test_what_ryu_is_built_with_is_constrained_for_every_pip() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert "ryu == 4.34" in config["options"]["install_requires"]
    constraints = (ROOT / "scripts" / "build-constraints.txt").read_text().splitlines()
    assert [line for line in constraints if not line.startswith("#")] == ["setuptools < 66"]
    assert "constraints=scripts/build-constraints.txt" in SCRIPT
    for variable in ("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"):
        assert f'{variable}="$constraints"' in SCRIPT


def test_the_script_is_bash() -> None:
    subprocess.run(["bash", "-n", ROOT / "scripts" / "setup"], check=True)
