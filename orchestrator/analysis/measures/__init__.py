"""From the records of one trial to its measures."""
