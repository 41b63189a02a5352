"""What people browse: a process of its own that answers from the read model alone (P39)."""
