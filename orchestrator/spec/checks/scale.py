"""The scale of an experiment: D = R where bytes do not shrink, and D follows R if none is named."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.errors import Problem
from orchestrator.spec.experiment.programs import Program
from orchestrator.spec.files.experiment_file import ExperimentFile
from orchestrator.spec.files.validation import mapping
from orchestrator.spec.scale import AutoScale, Scale
from orchestrator.spec.values.text import quoted
from orchestrator.spec.yaml.document import Document


def check_scale(
    document: Document,
    file: ExperimentFile,
    programs: Mapping[str, Program],
    option: Scale | AutoScale | None,
) -> tuple[Scale | AutoScale | None, list[Problem]]:
    """The scale that an experiment has; adds a problem where D = R is needed and is not.

    Args:
        document: of the experiment.
        file: the same, validated.
        programs: its programs.
        option: what the command line asks for; then the problem is returned.
    """
    scale = option or file.scale.scale()
    real = file.learning().real
    if not programs and not real:
        return scale, []
    # Where no D is asked for, it follows R.
    follows = "time" not in file.scale.model_fields_set if option is None else option == AutoScale()
    if follows:
        scale = AutoScale(None) if isinstance(scale, AutoScale) else Scale(scale.rates, scale.rates)
    wrong = _wrong(scale, programs, real=real)
    if wrong is None:
        return scale, []
    message, right = wrong
    if option is not None:
        return None, [Problem("--scale", message, " or ".join(f"`--scale {one}`" for one in right))]
    remedy = " or ".join(f"`scale: {_written(one)}`" for one in right)
    at = "scale" if "scale" in mapping(document.data) else "compute" if real else "programs"
    document.report_at((at,), message, remedy, key=at != "scale")
    return None, []


def _wrong(
    scale: Scale | AutoScale, programs: Mapping[str, Program], *, real: bool
) -> tuple[str, list[str]] | None:
    """What is wrong with a scale, and those that are right as options have them."""
    if isinstance(scale, AutoScale):
        if real:
            return (
                "R = auto with `compute: torch`: how long PyTorch computes is not known before the"
                " run, so no R can be found for it",
                ["1,1"],
            )
        if scale.time is None:
            return None
        asked, right = f"R = auto and D = {scale.time:g}", ["auto"]
    elif scale.time == scale.rates:
        return None
    else:
        asked = f"R = {scale.rates:g} and D = {scale.time:g}"
        right = [f"{scale.rates:g},{scale.rates:g}", "1,1" if real else "auto"]
    if real:
        return f"{asked} with `compute: torch`: it computes and sends whole tensors{_SO}", right
    program = quoted(next(iter(programs)))
    return f"{asked} with the program {program}: a program's bytes do not shrink{_SO}", right


_SO = ", so on links R times slower all must take R times longer (D = R)"


def _written(option: str) -> str:
    """A scale as a file has it."""
    rates, *time = option.split(",")
    return f"{{rates: {rates}, time: {time[0]}}}" if time else rates
