"""One module a regime; none leans on another."""
