"""The audit's report: what guardians look at before they sign, as files that need no network."""
