"""What a run will do, decided before anything is built: trials, jobs, the run plan."""
