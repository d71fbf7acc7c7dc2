"""What is measured and shown of every row: names, units, and how they read."""
