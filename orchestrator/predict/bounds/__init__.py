"""Iteration times that nothing passes, and the simplest scheme's."""
