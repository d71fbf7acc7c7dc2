"""`dmlbed plan`."""

from orchestrator.cli.plan.verb import plan

__all__ = ["plan"]
