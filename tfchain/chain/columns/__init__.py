"""The second program: what a period owes, computed again from the blocks and by other means (P36).

It knows base and the ledger's records and nothing of the code that executes blocks: an error would
have to be made twice, in two shapes, to pass unseen.
"""
