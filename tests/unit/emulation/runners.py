"""A runner that carries nothing out: it notes commands, and answers as it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.errors import RunError


class FakeRunner:
    """Notes every command with its namespace.

    Commands that are given to a program together are noted one by one.

    Attributes:
        commands: in the order in which they were asked for.
        answers: what is printed, by how the command begins; nothing by all others.
        refuses: how a command begins that fails.
    """

    def __init__(self, answers: Mapping[str, str] | None = None) -> None:
        self.commands: list[tuple[int | None, str]] = []
        self.answers = dict(answers or {})
        self.refuses: str | None = None

    def __call__(
        self, argv: Sequence[str], *, namespace: int | None = None, given: str = ""
    ) -> str:
        all_of_it = " ".join(argv)
        if "-batch" not in argv:
            return self._one(all_of_it, namespace, f"{all_of_it}: exit status 2")
        refusal = f"{all_of_it}: exit status 1: why; Command failed -:"
        return "".join(
            self._one(f"{argv[0]} {line}", namespace, f"{refusal}{number}")
            for number, line in enumerate(given.splitlines(), start=1)
        )

    def _one(self, command: str, namespace: int | None, refusal: str) -> str:
        self.commands.append((namespace, command))
        if self.refuses is not None and command.startswith(self.refuses):
            raise RunError(refusal)
        return next((text for begin, text in self.answers.items() if command.startswith(begin)), "")
