"""What happens outside the box: from a request to a finished run."""
