"""`dmlbed bound`: of an experiment, a sweep, an all-reduce, or any exchange."""

from orchestrator.cli.bound.verb import bound

__all__ = ["bound"]
