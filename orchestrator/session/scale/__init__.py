"""At which scale an experiment runs: calibration, its cache, and the choice."""
