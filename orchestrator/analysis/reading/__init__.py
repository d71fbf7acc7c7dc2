"""Reads the records of a run's directory and checks them."""
