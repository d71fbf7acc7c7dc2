"""Hosts, links and addresses, built with Mininet."""
