"""A runner that carries nothing out: it notes commands, and answers as it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.errors import RunError


class FakeRunner:
    """Notes every command with its namespace.

    Attributes:
        commands: in the order in which they were asked for.
        answers: what is printed, by how the command begins; nothing by all others.
        refuses: how a command begins that fails.
    """

    def __init__(self, answers: Mapping[str, str] | None = None) -> None:
        self.commands: list[tuple[int | None, str]] = []
        self.answers = dict(answers or {})
        self.refuses: str | None = None

    def __call__(self, argv: Sequence[str], *, namespace: int | None = None) -> str:
        said = " ".join(argv)
        self.commands.append((namespace, said))
        if self.refuses is not None and said.startswith(self.refuses):
            raise RunError(f"{said}: exit status 2")
        return next((text for begin, text in self.answers.items() if said.startswith(begin)), "")
