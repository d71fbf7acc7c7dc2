"""What a training holds and computes: parameters, gradients, their arithmetic."""
