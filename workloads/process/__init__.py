"""What a process of a trial is told, and what it says and writes down."""
