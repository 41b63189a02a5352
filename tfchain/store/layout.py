"""Where one node's rows stand: the first byte of a key is its column.

Heights are eight big-endian bytes, so that a scan walks the chain in order.
"""

import struct
from dataclasses import dataclass
from typing import Annotated, Final

from tfchain.base.crypto import HASH_BYTES
from tfchain.base.shapes import U32, Text, decode_record, encode_record
from tfchain.base.units import U64_MAX, Height
from tfchain.errors import Unavailable

LAYOUT_VERSION: Final = 6
"""Raised whenever a key, a row below or a record of the ledger changes: such a store is refused.

Version 1 knew no seats, changes or past blocks, and its tip told two validator sets, not three.
Version 2 knew one regime, no proposals, offers or gaps. Version 3 knew no terms of a regime's own and
no locks. Version 4 knew no disputes, rulings, fixups or debts. In version 5 a tree's node had two
subtrees.
"""

META: Final = b"m"
BLOCK: Final = b"b"
COMMIT: Final = b"c"
RESULTS: Final = b"r"
TX: Final = b"x"
STATE: Final = b"s"
TREE: Final = b"t"
ARCHIVE: Final = b"a"
"""State, tree and archive keys come whole from the ledger floor; no other column may use these."""

COLUMNS: Final = (META, BLOCK, COMMIT, RESULTS, TX, STATE, TREE, ARCHIVE)

META_LAYOUT: Final = META + b"layout"
META_HEIGHT: Final = META + b"height"
META_GENESIS: Final = META + b"genesis"

CODE_BYTES_MAX: Final = 64
TX_KEY_BYTES: Final = 16
"""Of a transaction's id: a hash does not compress, so half of it is near half of what the index needs.

Nobody can put a transaction at another's key: that takes 2^128 hashes. Two of one's own that share a
key take 2^64, and then the earlier one can no longer be asked for; no block ever reads these rows.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TxPlace:
    """Where a transaction stands in the chain, and what became of it."""

    height: Height
    position: U32
    code: Annotated[str, Text(1, CODE_BYTES_MAX)]


def block_key(height: Height) -> bytes:
    """The row of the block at `height`."""
    return BLOCK + encode_height(height)


def commit_key(height: Height) -> bytes:
    """The row of the commit this node saw for the block at `height`."""
    return COMMIT + encode_height(height)


def results_key(height: Height) -> bytes:
    """The row of the results of the block at `height`."""
    return RESULTS + encode_height(height)


def tx_key(tx_id: bytes) -> bytes:
    """The row that says where the transaction `tx_id` (32 bytes) stands; half of the id finds it."""
    assert len(tx_id) == HASH_BYTES, "a transaction id is a hash"
    return TX + tx_id[:TX_KEY_BYTES]


def height_of(key: bytes) -> Height:
    """The height in a block, commit or results key."""
    assert key[:1] in {BLOCK, COMMIT, RESULTS}, "this column has no heights"
    return decode_height(key[1:])


def encode_height(height: Height) -> bytes:
    """Eight big-endian bytes, as in keys and in the height row."""
    assert 0 <= height <= U64_MAX, height
    return struct.pack(">Q", height)


def decode_height(value: bytes) -> Height:
    """The height that `encode_height` wrote."""
    assert len(value) == 8, "a height has eight bytes"
    return Height(int.from_bytes(value, "big"))


def encode_place(place: TxPlace) -> bytes:
    """The value of a transaction's row."""
    return encode_record(place)


def decode_place(value: bytes) -> TxPlace:
    """The place that a transaction's row tells. Raises `Malformed` when the disk changed it."""
    return decode_record(TxPlace, value)


def encode_version() -> bytes:
    """The layout row of a store that this program makes."""
    return struct.pack(">I", LAYOUT_VERSION)


def check_version(row: bytes, where: str) -> None:
    """Refuse a store that another version of this program laid out.

    Raises:
        Unavailable: the version is not ours; its text names both.
    """
    if row == encode_version():
        return
    found = str(int.from_bytes(row, "big")) if len(row) == 4 else "unreadable"
    what = f"the store has layout {found}, this program knows layout {LAYOUT_VERSION}"
    remedy = (
        "go on with the program that made it; or, to change over, keep this folder aside and start"
        " with an empty one: this program fetches the blocks from its peers"
    )
    raise Unavailable(what, where, remedy)
