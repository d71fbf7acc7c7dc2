"""The schedule that others are compared with where an experiment names none."""

BASELINE = "none"
