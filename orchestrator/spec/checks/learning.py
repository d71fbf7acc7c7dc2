"""What real training needs: whole tensors, and data that fits the model and fills a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.plugins import OwnModel
from orchestrator.spec.files.experiment_file import ExperimentFile
from orchestrator.spec.files.validation import mapping
from orchestrator.spec.overrides import Overrides
from orchestrator.spec.values.fields import is_model_file
from orchestrator.spec.values.text import quoted
from orchestrator.spec.yaml.document import Document, Loc
from workloads.library import HYBRID, PARAMETER_SERVER, SPLIT
from workloads.models.learning import SHIPPED_DATA
from workloads.schedule.library import SCHEDULES
from workloads.schedule.schedule import Schedule

_ONLY_REAL = ("checkpoint", "dtype", "data", "evaluate_every", "target_accuracy")


def check_learning(
    document: Document,
    file: ExperimentFile,
    *,
    schedules: Mapping[str, Schedule],
    own_models: Mapping[str, OwnModel],
    overrides: Overrides,
    batch: int,
    workers: int,
) -> None:
    """Adds a problem for all that real training lacks.

    Args:
        document: of the experiment.
        file: what was read of it.
        schedules: the experiment's own, by name.
        own_models: users' networks, by name.
        overrides: what the command line says.
        batch: images per worker.
        workers: how many.
    """
    learning = file.learning()
    if document.is_cut(("compute",)):
        return
    if not learning.real:
        for key in _ONLY_REAL:
            if key in mapping(document.data):
                message = f"{key} needs `compute: torch`: emulated layers learn nothing real"
                document.report_at((key,), message, key=True)
        return
    names = file.schedules if overrides.schedules is None else overrides.schedules
    known = {**{one.name: one for one in SCHEDULES}, **schedules}
    chosen = [known[name] for name in names if name in known]
    if learning.checkpoint_every is not None:
        _check_checkpoints(document, chosen)
    if learning.dtype != "float32":
        for schedule in chosen:
            if schedule.coded:
                message = (
                    f"schedule {quoted(schedule.name)} has a codec, which makes payloads of "
                    f"float32, and dtype is {learning.dtype}"
                )
                document.report_at(("dtype",), message, "leave dtype or that schedule out")
    models = file.models if overrides.models is None else overrides.models
    for place, model in enumerate(file.models):
        if is_model_file(model) and model in models:
            message = f"{quoted(model)} is a file, which cannot compute"
            hint = "name a model of the library or module:factory; or leave compute out"
            document.report_at(("models", place), message, hint)
    shapes = {name: own.input_shape for name, own in own_models.items()}
    _check_data(document, file, models, shapes)
    _check_batch(document, file, batch, workers)


def _check_checkpoints(document: Document, schedules: Sequence[Schedule]) -> None:
    for schedule in schedules:
        why = ""
        if not schedule.bulk_synchronous:
            why = "its workers are never between two iterations at the same time"
        elif schedule.exchange == SPLIT:
            why = "checkpoints lack what travels between its workers"
        elif schedule.averages:
            why = "checkpoints lack its workers' own parameters"
        elif schedule.exchange not in (PARAMETER_SERVER, HYBRID):
            why = "there is no parameter server to keep the parameters"
        if why:
            document.report_at(("checkpoint",), f"not with schedule {schedule.name}: {why}")


def _check_data(
    document: Document,
    file: ExperimentFile,
    models: Sequence[str],
    shapes: Mapping[str, tuple[int, ...]],
) -> None:
    data = SHIPPED_DATA.get(file.data)
    if data is None:
        return
    for place, model in enumerate(models):
        if model not in data.models and shapes.get(model) != data.shape:
            message = (
                f"{model} does not take the {data.shape[1]} x {data.shape[2]} images of digits"
            )
            listed = model in file.models
            loc: Loc = ("models", file.models.index(model) if listed else place)
            document.report_at(loc, message, f"{' and '.join(data.models)} does")


def _check_batch(document: Document, file: ExperimentFile, batch: int, workers: int) -> None:
    data = SHIPPED_DATA.get(file.data)
    if data is None:
        return
    share = data.share(workers)
    if batch > share:
        message = (
            f"a batch of {batch} is larger than the data: each of {workers} workers has {share} of "
            f"the {data.training} images"
        )
        document.report_at(("batch",), message)
