"""A trial as a trace that Perfetto opens: of a training, or of a program."""
