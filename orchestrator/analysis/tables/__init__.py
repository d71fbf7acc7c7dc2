"""Rows and columns: summaries of runs and sweeps as CSV, JSON and terminal tables."""
