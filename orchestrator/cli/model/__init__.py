"""`dmlbed model`: import a model as a file, and show one."""

from orchestrator.cli.model.verb import model

__all__ = ["model"]
