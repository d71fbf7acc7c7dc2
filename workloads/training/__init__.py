"""What a training computes: gradients, and what they do to the parameters."""
