"""Extension points: how users' code is found, checked, and shipped with a run.

Kind            one of them: its base class, our library, its entry points
Plugin          one that is not ours, by entry point or by module:Class, as it travels
OwnModel        a user's network, by module:factory, with its profile
OwnCode         codecs, exchanges and programs that an experiment takes to its hosts
users_code      where code of it is called: what it prints is not dmlbed's answer
"""

from orchestrator.plugins.kind import Kind, PluginError
from orchestrator.plugins.own_code import OwnCode, OwnCodec, OwnExchange, OwnProgram
from orchestrator.plugins.own_model import OwnModel
from orchestrator.plugins.plugin import Plugin, users_code

__all__ = [
    "Kind",
    "OwnCode",
    "OwnCodec",
    "OwnExchange",
    "OwnModel",
    "OwnProgram",
    "Plugin",
    "PluginError",
    "users_code",
]
