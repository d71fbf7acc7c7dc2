"""The testbed as the session sees it: its protocol, and how one is opened in a box."""
