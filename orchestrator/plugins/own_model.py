"""Users' networks: `module:factory`, a function that returns a torch module and an example."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from orchestrator.plugins.kind import PluginError
from orchestrator.plugins.plugin import users_code
from orchestrator.plugins.sources import ShadowedError, import_from_folder
from workloads.errors import nearest
from workloads.library import TORCH_PROFILE
from workloads.models.profiles import Model


@dataclass(frozen=True)
class OwnModel:
    """A user's network, with everything that is needed to train it elsewhere and later.

    Attributes:
        name: `module:factory`, or the path of a model file.
        files: text of its modules by their place beside the experiment; none if it is installed.
        profile: its layers, multiply-accumulates and tensors, found by calling it.
        input_shape: of one example, without the batch.
    """

    name: str
    files: Mapping[str, str]
    profile: Mapping[str, Any]
    input_shape: tuple[int, ...]

    @classmethod
    def find(cls, name: str, folder: Path) -> OwnModel:
        """The network of that name.

        Args:
            name: `module:factory`.
            folder: where modules are looked for first: that of the experiment.

        Raises:
            PluginError: it cannot be imported, built or profiled, or PyTorch is missing.
        """
        which, of_module = f"model {name!r}", name.partition(":")[0]
        if find_spec("torch") is None:
            raise PluginError(
                f"{which} needs PyTorch, which is not installed", "`make setup-torch`"
            )
        profiles = importlib.import_module(TORCH_PROFILE)
        try:
            with users_code():
                _, files = import_from_folder(of_module, folder)
                found = profiles.imported(name)
        except ShadowedError as error:
            raise PluginError(f"{which}: {error}", error.hint) from None
        except ValueError as error:  # what `imported` says of it
            raise PluginError(str(error)) from error
        except (Exception, SystemExit) as error:
            beside = sorted(file.stem for file in folder.glob("*.py"))
            missing = isinstance(error, ModuleNotFoundError) and error.name == of_module
            message = f"{which}: cannot be imported: {type(error).__name__}: {error}"
            raise PluginError(message, nearest(of_module, beside) if missing else "") from error
        return cls(name, files, found.model.to_json(), found.model.input_shape)

    @property
    def model(self) -> Model:
        """Its profile."""
        return Model.from_json(self.profile)

    @property
    def digest(self) -> str:
        """SHA-256 of its files and its profile."""
        all_of_it = [sorted(self.files.items()), self.profile]
        return hashlib.sha256(json.dumps(all_of_it, sort_keys=True).encode()).hexdigest()
