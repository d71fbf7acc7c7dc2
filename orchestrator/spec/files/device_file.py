"""A file with a user's device, which a topology names: constants, or trees of a profile."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from orchestrator.errors import InputError, Problem
from orchestrator.spec.files.schedule_file import CodecKey, DeviceFile
from orchestrator.spec.files.validation import mapping, validate
from orchestrator.spec.values.fields import (
    FILE_SUFFIXES,
    DeviceName,
    FileModel,
    NotNegative,
    is_device_file,
)
from orchestrator.spec.yaml.yamlfile import read_document
from workloads.errors import unknown_name
from workloads.models.devices import DeviceModel, known_devices
from workloads.models.execution import TreeError, check_trees


class ConstantsFile(DeviceFile):
    """A device of three constants."""

    model_config = ConfigDict(title="dmlbed device of constants")

    name: DeviceName = Field(description="the device's name")
    source: str = Field(default="", description="where the figures come from")


class ProfileFile(FileModel):
    """A device that `dmlbed profile` wrote."""

    model_config = ConfigDict(title="dmlbed device of trees")

    name: DeviceName = Field(description="the device's name")
    source: str = Field(default="", description="where the figures come from")
    kinds: Annotated[dict[str, Any], Field(min_length=1)] = Field(
        description="by kind of layer: `forward` and `backward`, each a tree"
    )
    seconds_per_megabyte_coded: dict[CodecKey, NotNegative] = Field(
        default={},
        description="by codec, per million uncoded bytes that it encodes or decodes",
    )
    measured: dict[str, Any] = Field(default={}, description="how it was learnt; decides no figure")


def device_of(name: str, folder: Path, place: str) -> DeviceModel:
    """The device of that name of the library, or of that file.

    Args:
        name: of either.
        folder: where a file's path starts.
        place: of the name, for messages.

    Raises:
        InputError: there is none, or the file is none of a device.
    """
    if is_device_file(name):
        return read_device(folder / name, name)
    if name not in known_devices():
        hint = f"a file of your own ends with {', '.join(FILE_SUFFIXES)}"
        raise InputError([Problem(place, unknown_name("device", name, known_devices()), hint)])
    return known_devices()[name]


def read_device(path: Path, display: str) -> DeviceModel:
    """The device of a file.

    Args:
        path: of the file, YAML or JSON.
        display: the path for messages.

    Raises:
        InputError: with all problems of the file.
    """
    document = read_document(path, display)
    if "kinds" not in mapping(document.data):
        constants = validate(document, ConstantsFile)
        if constants is not None and not document.problems:
            return DeviceModel(**constants.model_dump(exclude={"source"}))
        raise InputError(document.sorted_problems())
    learnt = validate(document, ProfileFile)
    if learnt is not None and not document.problems:
        try:
            check_trees(learnt.kinds)
        except TreeError as error:
            document.report_at(("kinds", *error.place), error.what, error.hint)
        else:
            return DeviceModel(
                name=learnt.name,
                seconds_per_megabyte_coded=learnt.seconds_per_megabyte_coded,
                kinds=learnt.kinds,
            )
    raise InputError(document.sorted_problems())
