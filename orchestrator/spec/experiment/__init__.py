"""What an experiment is: its jobs and programs, the choices of its trials, its record."""
