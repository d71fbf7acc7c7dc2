"""What a schedule chooses, and what follows from it: pure, and without numpy."""
