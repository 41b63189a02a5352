"""Transactions of a block as they lie open: who sent them, their kinds and bodies, by place.

Two readers of this program go through each block, one for nodes and one for coins; it is opened for
whoever comes first. That the bytes are spelled as they must be was seen by whoever executed them.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from tfchain.base.codec import Plain, read
from tfchain.base.last import of_last
from tfchain.base.limits import MINT_TX_BYTES_MAX
from tfchain.chain.columns.plain import list_of
from tfchain.errors import Malformed

TOOK_EFFECT: Final = "ok"
ENVELOPE_FIELDS: Final = 8
SENDER_PLACE: Final = 2
KIND_PLACE: Final = 6
BODY_PLACE: Final = 7

Envelope = list[Plain]
"""Version, chain, sender, nonce, valid until, fee, kind, body: nobody may change it."""


def envelopes(txs: Sequence[bytes], codes: Sequence[str]) -> Iterator[Envelope]:
    """Those that took effect, in order; the others are not even looked at.

    Raises:
        Malformed: not one code a transaction, or bytes that are no transaction.
    """
    if len(txs) != len(codes):
        raise Malformed(f"{len(txs)} transactions and {len(codes)} codes")
    known = _opened(tuple(txs))
    for place, code in enumerate(codes):
        if code == TOOK_EFFECT:
            yield known.get(place) or known.setdefault(place, _open(txs[place]))


@of_last
def _opened(_txs: tuple[bytes, ...]) -> dict[int, Envelope]:
    """Of the last block: what was opened of it, by place."""
    return {}


def _open(raw: bytes) -> Envelope:
    return list_of(list_of(read(raw, MINT_TX_BYTES_MAX), 2)[0], ENVELOPE_FIELDS)
