"""Extension points: how code of somebody else is found, checked, and taken elsewhere.

Kind            one of them: its base class, our library, its entry points
Plugin          one that is not ours, by entry point or by module:Class, as it travels
anybodys_code   where code of it is called: what it prints is no answer of ours
"""

from orchestrator.plugins.kind import Kind, PluginError
from orchestrator.plugins.plugin import Plugin, anybodys_code

__all__ = ["Kind", "Plugin", "PluginError", "anybodys_code"]
