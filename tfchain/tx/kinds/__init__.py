"""One file a kind: its fields, its checks, its effect."""
