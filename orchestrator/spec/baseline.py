"""The schedule that others are compared with where an experiment names none."""

from workloads.schedule.library import UNSCHEDULED

BASELINE = UNSCHEDULED
