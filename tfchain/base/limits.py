"""Every bound in one place: what may come from outside, and how much of it is kept."""

from typing import Final

CODEC_DEPTH_MAX: Final = 16
"""Nesting of arrays; the deepest message (a block of transactions in a frame) needs seven."""

RECORD_BYTES_MAX: Final = 64 * 1024
"""One record of the state; the largest is a batch with its guardians' answers."""

TX_BYTES_MAX: Final = 16 * 1024
"""One transaction. The largest kind (a mint of a full run of nodes) has its own bound below."""
MINT_TX_BYTES_MAX: Final = 64 * 1024
BLOCK_BYTES_MAX: Final = 2 * 1024 * 1024
PART_BYTES: Final = 64 * 1024
COMMIT_SLOTS_MAX: Final = 256
"""Validators in a set; a commit has one slot for each."""

MINT_RUN_MAX: Final = 256
"""Nodes in one mint transaction: 256 entries of about 110 bytes stay within MINT_TX_BYTES_MAX."""
GUARDIANS_MAX: Final = 100

NAME_BYTES_MAX: Final = 40
RELAY_BYTES_MAX: Final = 1024
PUBLIC_KEY_BYTES_MAX: Final = 128
STELLAR_BYTES_MAX: Final = 56
PLACE_BYTES_MAX: Final = 58

MEMPOOL_TXS_MAX: Final = 20_000
MEMPOOL_BYTES_MAX: Final = 32 * 1024 * 1024
MEMPOOL_SENDER_MAX: Final = 2_048
"""Transactions of one sender in the pool: a script that runs ahead, not one that fills the pool."""
MEMPOOL_SENDER_PER_S: Final = 250
"""Transactions that one sender may hand in a second once it has spent `MEMPOOL_SENDER_MAX`."""
MEMPOOL_NONCE_AHEAD_MAX: Final = 16
"""Nonces ahead of a sender's run that are kept until the gap is closed (consensus 1.15.5)."""
SEEN_TXS_MAX: Final = 50_000

SUBMIT_TXS_MAX: Final = 1_000
"""Transactions in one HTTP call (P39)."""
HTTP_BODY_BYTES_MAX: Final = 4 * 1024 * 1024

FRAME_BYTES_MAX: Final = BLOCK_BYTES_MAX + 256 * 1024
"""One message between peers: a whole block with its commit and its envelope."""
PEERS_MAX: Final = 64
SYNC_BLOCKS_MAX: Final = 32
"""Blocks in one answer to a peer that catches up; cut short at SYNC_BYTES_MAX."""
SYNC_BYTES_MAX: Final = BLOCK_BYTES_MAX
CATCH_UP_ROUNDS_MAX: Final = 2
"""Rounds ahead of its own that a machine keeps votes for, per validator (scenario 9)."""
GENESIS_BYTES_MAX: Final = 1024 * 1024
"""A genesis file; it lists accounts and validators, nothing that grows."""
GENESIS_ACCOUNTS_MAX: Final = 4_096
