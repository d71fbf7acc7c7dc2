"""What the testbed and its machine did during a trial, whatever ran in it."""
