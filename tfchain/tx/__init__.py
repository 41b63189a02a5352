"""What can be asked of the ledger: one file a kind, one row in the registry."""
