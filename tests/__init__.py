"""A package of its own name: some library also installs a top-level `tests`."""
