"""Who sends to whom over which links: paths, flows, classes and TCP windows."""
