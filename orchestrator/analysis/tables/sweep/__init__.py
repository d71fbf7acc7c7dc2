"""The tables of a sweep: rows, curves, what is shown and what is written down."""
