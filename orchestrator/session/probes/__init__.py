"""Probes of a built testbed: goodput, iperf3, bench."""
