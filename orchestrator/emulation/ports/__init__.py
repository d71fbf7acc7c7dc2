"""Rates, queues and counters of ports."""
