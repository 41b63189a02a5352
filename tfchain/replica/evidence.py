"""Evidence on its way into a block: noticed or heard of, kept across restarts, told to peers.

What is noticed waits until its height is stored, for it is judged by that height's set and time. From
then on it is told to peers at every height, until a block has it or it has expired (consensus 1.9.3).
"""

from collections.abc import Iterable
from typing import Final

from tfchain.base.codec import decode, encode
from tfchain.base.crypto import verify
from tfchain.base.units import Height, Millis
from tfchain.chain.faults import judge
from tfchain.errors import Malformed, Rejected
from tfchain.ledger.evidence import (
    EVIDENCE_BYTES_MAX,
    EVIDENCE_MAX,
    Evidence,
    encode_evidence,
    pack_pieces,
    place_of,
    unpack_pieces,
)
from tfchain.ledger.params import Params
from tfchain.ledger.state import Reader, State

PENDING_KEY: Final = b"mevidence"
"""The row of a store that holds what is pending, among those that are the node's own."""
PIECES_BYTES_MAX: Final = EVIDENCE_MAX * EVIDENCE_BYTES_MAX
"""Pieces in one message, or in that row."""
PENDING_MAX: Final = EVIDENCE_MAX


def encode_pieces(pieces: Iterable[Evidence]) -> bytes:
    """Pieces as they go over the wire and into the store."""
    return encode(pack_pieces(tuple(pieces)))


def decode_pieces(raw: bytes) -> tuple[Evidence, ...]:
    """The pieces; raises `Malformed`. Nothing is known of them yet."""
    return unpack_pieces(decode(raw, PIECES_BYTES_MAX))


class EvidencePool:
    """What is pending: one piece for each validator and height, in that order."""

    def __init__(self, reader: Reader, own: bytes | None) -> None:
        """`own`: our address. We do not accuse ourselves: whoever runs two of us is told (1.9.7)."""
        self._own = own
        self._pending: dict[tuple[Height, bytes], Evidence] = {}
        self._stored = reader.get(PENDING_KEY) or b""
        for piece in decode_pieces(self._stored) if self._stored else ():
            self.add(piece)

    def add(self, piece: Evidence) -> bool:
        """Keep a piece whose signatures are genuine; whether it was news, and there was room."""
        place = place_of(piece)
        if piece.validator == self._own or place in self._pending:
            return False
        if len(self._pending) >= PENDING_MAX:
            return False
        self._pending[place] = piece
        return True

    def take(
        self,
        pieces: tuple[Evidence, ...],
        reader: Reader,
        params: Params,
        at: tuple[Height, Millis],
    ) -> list[Evidence]:
        """What a peer sent, judged for a block of height and time `at`: the news in it.

        What is settled, expired or of a height that we have not stored is no lie, and passed over.

        Raises:
            Malformed: a false signature, or about somebody who was no validator then.
        """
        state, news = State(reader), list[Evidence]()
        for piece in pieces:
            if place_of(piece) in self._pending:
                continue
            try:
                checks = judge(state, params, *at, piece)
            except Rejected as refusal:
                if refusal.code == "not_a_validator":
                    raise Malformed(f"evidence: {refusal}") from refusal
                continue
            if not all(verify(*check) for check in checks):
                raise Malformed("evidence with a false signature")
            if self.add(piece):
                news.append(piece)
        return news

    def ready(self, tip: Height) -> list[Evidence]:
        """What a block on top of `tip` may hold, in its order there."""
        return [self._pending[place] for place in sorted(self._pending) if place[0] <= tip]

    def chosen(
        self, reader: Reader, params: Params, at: tuple[Height, Millis]
    ) -> tuple[Evidence, ...]:
        """What a block of this height and time holds: one piece a validator, within its bound."""
        state, room = State(reader), params.evidence.bytes
        chosen: dict[bytes, Evidence] = {}
        for piece in self.ready(Height(at[0] - 1)):
            size = len(encode_evidence(piece))
            if piece.validator in chosen or size > room:
                continue
            try:
                judge(state, params, *at, piece)
            except Rejected:
                continue
            chosen[piece.validator] = piece
            room -= size
        return tuple(chosen.values())

    def advance(self, reader: Reader, params: Params, at: tuple[Height, Millis]) -> None:
        """A block is stored, `at` is the next one: drop what can be in none any more."""
        state = State(reader)
        for place, piece in list(self._pending.items()):
            try:
                judge(state, params, *at, piece)
            except Rejected:
                del self._pending[place]

    def row(self) -> bytes | None:
        """What the store is to hold from the next block on; None where it holds just that."""
        raw = encode_pieces(self._pending[place] for place in sorted(self._pending))
        if raw == self._stored or (not self._pending and not self._stored):
            return None
        self._stored = raw
        return raw

    def not_stored(self) -> list[Evidence]:
        """What came after the last row was made, and must stand in the log."""
        known = decode_pieces(self._stored) if self._stored else ()
        places = {place_of(piece) for piece in known}
        return [piece for place, piece in sorted(self._pending.items()) if place not in places]
