"""Limits on CPU and memory of hosts, and what of them is used."""
