"""One SSH server per host."""
