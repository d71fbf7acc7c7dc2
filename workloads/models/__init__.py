"""What is trained, and on what: models, their graphs, and device models."""
