"""Checks that need more than one value of a file: queues, sizes, sweeps, topologies."""
