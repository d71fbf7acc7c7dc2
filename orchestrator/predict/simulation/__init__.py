"""Iteration times by simulation: with a step barrier, without one, and round a ring."""
