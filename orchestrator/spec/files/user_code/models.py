"""Users' networks among an experiment's models: read them, or build and profile them."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator.errors import InputError
from orchestrator.plugins import OwnModel, PluginError
from orchestrator.spec.files.experiment_file import ExperimentFile
from orchestrator.spec.files.model_file import read_model
from orchestrator.spec.values.fields import is_model_file
from orchestrator.spec.yaml.document import Document
from workloads.models.profiles import add_model


def find_models(document: Document, file: ExperimentFile | None) -> dict[str, OwnModel]:
    """The users' networks that an experiment names, which `load_model` knows from now on.

    Raises:
        InputError: one cannot be had; what else is wrong cannot be known without it.
    """
    models: dict[str, OwnModel] = {}
    for place, name in enumerate(file.models if file is not None else ()):
        if is_model_file(name):
            models[name] = _of_file(document, name, place)
            add_model(models[name].model)
            continue
        if ":" not in name:
            continue
        try:
            models[name] = OwnModel.find(name, document.path.parent)
        except PluginError as error:
            document.report_at(("models", place), error.message, error.hint)
            raise InputError(document.sorted_problems()) from error
        add_model(models[name].model)
    return models


def _of_file(document: Document, name: str, place: int) -> OwnModel:
    display = os.path.normpath(Path(document.display_path).parent / name)
    try:
        model = read_model(document.path.parent / name, display, name)
    except InputError as error:
        first = error.problems[0]
        if first.place != display:  # something in it is wrong
            raise
        document.report_at(("models", place), f"model {display}: {first.message}", first.hint)
        raise InputError(document.sorted_problems()) from None
    return OwnModel(name, {}, model.to_json(), model.input_shape)
