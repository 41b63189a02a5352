"""What is remembered: records, tables, the tree over them, blocks and commits."""
