"""What links carry: loads, fair shares, windows, acknowledgements and the ports that limit."""
