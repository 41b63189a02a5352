"""A replica's effects, carried out on real disk and wire: one process a node."""
