"""dmlbed: a network-emulation testbed for communication scheduling in distributed training."""

__version__ = "0.1.0"
