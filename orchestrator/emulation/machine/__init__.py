"""What this machine has, and what a testbed needs of it."""
