"""What happens inside the box: the programs that build a testbed and run trials on it."""
