"""Single values in files: quantities with units, names, what is allowed, words for people."""
