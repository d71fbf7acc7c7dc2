"""Code that an experiment names: it is found, tried, and judged before a run."""
