"""The directory of a run while it is written, and which attempts of its trials count."""
