"""What files may say, for people and for editors: keys, choices, schemas."""
