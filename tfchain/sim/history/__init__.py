"""Years of farming in minutes: nodes of all regimes, guardians, votes, on replicas in virtual time."""
