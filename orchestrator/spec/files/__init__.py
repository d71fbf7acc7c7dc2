"""The keys of topology and experiment files, and how they become objects."""
