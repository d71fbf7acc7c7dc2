"""Figures: what is drawn with matplotlib, which takes a second to import.

Import these modules where something is drawn, not at the top of a module: most commands draw
nothing.
"""

import orchestrator.analysis.render.matplotlib_home  # noqa: F401  before all that draws
