"""A whole network on one machine: validators as processes, farmers whose nodes report."""
