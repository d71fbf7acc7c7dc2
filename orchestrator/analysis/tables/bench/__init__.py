"""The figures of a bench, and their table."""
