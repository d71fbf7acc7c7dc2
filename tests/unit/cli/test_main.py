"""How every verb ends: its lines on stderr, its exit code."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from orchestrator import __version__
from orchestrator.cli.main import VERBS, Verbs, cli
from orchestrator.errors import InputError, Interrupted, MachineError, Problem, RunError

ROOT = Path(__file__).parents[3]


def group_raising(error: BaseException) -> click.Group:
    """A command with one verb, which raises."""

    class OneVerb(Verbs):
        def get_command(self, _: click.Context, cmd_name: str) -> click.Command | None:
            def fail() -> None:
                click.echo("the answer")
                raise error

            return click.Command(cmd_name, callback=fail)

    return OneVerb("dmlbed")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (MachineError("no sshd", "make setup"), 3, "no sshd (make setup)"),
        (RunError("worker0 was killed by SIGKILL"), 4, "worker0 was killed by SIGKILL"),
        (Interrupted("2 trials are in results/x"), 130, "2 trials are in results/x"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "results/x/run.json"),
            3,
            "results/x/run.json: no space left on the disk (free some, or write elsewhere with"
            " --out)",
        ),
    ],
)
def test_an_error_ends_with_its_line_and_code(error: BaseException, code: int, line: str) -> None:
    result = CliRunner().invoke(group_raising(error), ["verb"])
    assert (result.exit_code, result.stderr, result.stdout) == (code, f"{line}\n", "the answer\n")


def test_input_errors_show_all_problems_at_once() -> None:
    problems = [Problem("a.yaml:1:2", "unknown key 'rat'", "did you mean 'rate'?")] * 2
    result = CliRunner().invoke(group_raising(InputError(problems)), ["verb"])
    assert result.exit_code == 2
    assert result.stderr == "a.yaml:1:2: unknown key 'rat' (did you mean 'rate'?)\n" * 2


def test_an_error_of_ours_is_not_hidden() -> None:
    result = CliRunner().invoke(group_raising(OSError(errno.EBADF, "a bug")), ["verb"])
    assert isinstance(result.exception, OSError)


@pytest.mark.parametrize("arguments", [["no-such-verb"], ["doctor", "--no-such-option"]])
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr


def test_help_lists_every_verb() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    for verb in VERBS:
        assert f"\n  {verb} " in result.stdout


def test_version() -> None:
    assert CliRunner().invoke(cli, ["--version"]).stdout == f"dmlbed, version {__version__}\n"


def test_ctrl_c_before_anything_is_imported() -> None:
    # As scripts/dmlbed starts it: what came while Python started waits, blocked.
    program = (
        "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}); "
        "os.kill(os.getpid(), signal.SIGINT); "
        "os.execv(sys.executable, [sys.executable, '-m', 'orchestrator', '--version'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_the_script_holds_ctrl_c_back(tmp_path: Path) -> None:
    # Called by a link, from a directory with a space, for a package that says what it meets.
    place = tmp_path / "with a space"
    (place / "orchestrator").mkdir(parents=True)
    (place / "orchestrator" / "__main__.py").write_text(
        "import signal, sys\n"
        "print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()), sys.argv[1:])"
    )
    shutil.copy(ROOT / "scripts" / "dmlbed", place / "dmlbed")
    (place / "python").symlink_to(sys.executable)
    (tmp_path / "link").symlink_to(place / "dmlbed")
    done = subprocess.run(
        [tmp_path / "link", "run", "a b"],
        env={**os.environ, "PYTHONPATH": str(place)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "True ['run', 'a b']\n"


def test_a_working_directory_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    result = CliRunner().invoke(cli, ["validate", "x.yaml"])
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == "the working directory was removed (change to one that is there)\n"


def test_administrator_paths_are_searched(tmp_path: Path) -> None:
    # As after `su` without a dash: sshd, ip and tc are not in PATH.
    program = (
        "import os, sys; from orchestrator.cli import main; sys.argv = ['dmlbed', '--version']\n"
        "try: main()\n"
        "finally: print(os.environ['PATH'])"
    )
    environment = {"PATH": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == f"{tmp_path}:/usr/sbin:/sbin"
