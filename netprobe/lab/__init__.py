"""An AWS-shaped network on loopback, with faults by name."""
