"""The kinds of switch: Open vSwitch and Linux bridges."""
