"""The schedule that others are compared with where an experiment names none."""

from workloads.schedule.schedule import UNSCHEDULED

BASELINE = UNSCHEDULED
