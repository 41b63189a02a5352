"""The read model: what people browse, kept in SQLite, made from the blocks and never trusted (P39)."""
