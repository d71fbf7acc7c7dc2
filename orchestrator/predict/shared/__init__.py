"""What several jobs get of one network."""
