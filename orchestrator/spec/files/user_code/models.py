"""Users' networks among an experiment's models: find, build and profile them."""

from __future__ import annotations

from orchestrator.errors import InputError
from orchestrator.plugins import OwnModel, PluginError
from orchestrator.spec.files.experiment_file import ExperimentFile
from orchestrator.spec.yaml.document import Document
from workloads.models.profiles import add_model


def find_models(document: Document, file: ExperimentFile | None) -> dict[str, OwnModel]:
    """The users' networks that an experiment names, which `load_model` knows from now on.

    Raises:
        InputError: one cannot be had; what else is wrong cannot be known without it.
    """
    models: dict[str, OwnModel] = {}
    for place, name in enumerate(file.models if file is not None else ()):
        if ":" not in name:
            continue
        try:
            models[name] = OwnModel.find(name, document.path.parent)
        except PluginError as error:
            document.report_at(("models", place), error.message, error.hint)
            raise InputError(document.sorted_problems()) from error
        add_model(models[name].model)
    return models
