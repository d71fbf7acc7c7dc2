"""Extension points: how users' code is found, checked, and shipped with a run.

Kind            one of them: its base class, our library, its entry points
Plugin          one that is not ours, by entry point or by module:Class, as it travels
OwnCode         codecs, exchanges and programs that an experiment takes to its hosts
users_code      where code of it is called: what it prints is not dmlbed's answer
"""

from orchestrator.plugins.kind import Kind, PluginError
from orchestrator.plugins.own_code import OwnCode, OwnCodec, OwnExchange, OwnProgram
from orchestrator.plugins.plugin import Plugin, users_code

__all__ = [
    "Kind",
    "OwnCode",
    "OwnCodec",
    "OwnExchange",
    "OwnProgram",
    "Plugin",
    "PluginError",
    "users_code",
]
