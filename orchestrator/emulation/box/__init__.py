"""The private namespaces that all of a testbed lives in."""
