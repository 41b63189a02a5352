"""Bytes to hold a second program against: each computed here and now by the program itself."""

from typing import Final

from tfchain.base import merkle
from tfchain.base.address import to_text
from tfchain.base.codec import Plain, encode
from tfchain.base.crypto import digest, public_key, sign
from tfchain.base.shapes import encode_record, layout
from tfchain.base.units import Address, Height, Millis, Round, Utft
from tfchain.cli.book.layouts import Json
from tfchain.ledger.commit import NIL, NO_POL, PRECOMMIT, PREVOTE, proposal_message, vote_message
from tfchain.ledger.tree import Tree, key_hash, value_hash
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import Envelope, encode_transaction, message_of, transaction_id

SEED: Final = bytes(range(32))
CHAIN: Final = "example-00000000"
VALUES: Final[tuple[tuple[str, Plain], ...]] = (
    ("nil", None),
    ("true", True),
    ("0", 0),
    ("127", 127),
    ("128", 128),
    ("65536", 1 << 16),
    ("2^64-1", (1 << 64) - 1),
    ("-1", -1),
    ("-33", -33),
    ("-2^63", -(1 << 63)),
    ("text é", "é"),
    ("32 letters a", "a" * 32),
    ("bytes 00 ff", b"\x00\xff"),
    ("[1, [nil, bytes of none], text of none]", [1, [None, b""], ""]),
)
LEAVES: Final = (b"a", b"b", b"c")
ROWS: Final = ((b"\x00", b"one"), (b"\x01", b"two"), (b"\x02", b"three"))


def examples() -> dict[str, Json]:
    """By chapter; bytes in hex."""
    return {
        "codec": {what: encode(value).hex() for what, value in VALUES},
        "hash of `abc` under person tf/tx": digest(b"tf/tx", b"abc").hex(),
        "merkle root of no leaves, tag tx": merkle.root(b"tx", []).hex(),
        "merkle root of a, b, c, tag tx": merkle.root(b"tx", LEAVES).hex(),
        "root of a table with rows 00: one, 01: two, 02: three": _tree_root().hex(),
        "key": {
            "seed": SEED.hex(),
            "public key": public_key(SEED).hex(),
            "address": to_text(Address(public_key(SEED))),
        },
        "transaction": _transaction(),
        "votes": _votes(),
    }


def _tree_root() -> bytes:
    return Tree({}, 1).update([(key_hash(key), value_hash(row)) for key, row in ROWS])


def _transaction() -> dict[str, Json]:
    body = Transfer(to=Address(b"\x02" * 32), amount=Utft(15_000_000))
    envelope = Envelope(
        chain_id=CHAIN,
        sender=Address(public_key(SEED)),
        nonce=3,
        valid_until=Height(40),
        fee=Utft(10_000),
        kind=NUMBERS[Transfer],
    )
    plain = layout(Transfer).pack(body)
    message = message_of(envelope, plain)
    raw = encode_transaction(envelope, plain, sign(SEED, message))
    return {
        "what": "1.5 TFT to the address of 32 bytes 02, nonce 3, until height 40, fee 10000",
        "body": encode_record(body).hex(),
        "signed": message.hex(),
        "bytes": raw.hex(),
        "id": transaction_id(raw).hex(),
    }


def _votes() -> dict[str, Json]:
    block_id, place = b"\x03" * 32, (Height(7), Round(1))
    proposal = proposal_message(CHAIN, *place, NO_POL, block_id, Millis(1_700_000_000_123))
    return {
        "prevote for the id of 32 bytes 03, height 7, round 1": vote_message(
            CHAIN, PREVOTE, *place, block_id
        ).hex(),
        "precommit for none": vote_message(CHAIN, PRECOMMIT, *place, NIL).hex(),
        "proposal without POL, time 1700000000123": proposal.hex(),
    }
