"""The guardian's desk beside a validator: the second program, commitment and attestation (P9, P36)."""
