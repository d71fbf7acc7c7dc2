"""The processes of a trial: subclass `Program` to write your own (docs/extending.md)."""

from workloads.programs.program import Program

__all__ = ["Program"]
