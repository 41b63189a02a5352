"""What evidence comes to: whether it may be accepted, and what it does to whom it is about (P24).

Everything is judged by the state of the parent: the set and the time of that height stand there for
as long as evidence counts. A validator answers once: from the block that accuses it until a vote
brings it back, more evidence against it says nothing new.
"""

from collections.abc import Sequence
from dataclasses import replace

from tfchain.base.units import Height, Millis, Power, Utft
from tfchain.errors import InvalidBlock, Rejected
from tfchain.ledger import roster, tables
from tfchain.ledger.evidence import Check, Evidence, checks_of, encode_evidence, kind_of, place_of
from tfchain.ledger.params import Params
from tfchain.ledger.seats import Accused, Fault
from tfchain.ledger.state import State


def check_evidence(
    state: State, params: Params, height: Height, time_ms: Millis, pieces: Sequence[Evidence]
) -> list[Check]:
    """Whether these pieces may stand in the block of this height, in this order (1.9.6).

    Returns:
        The signatures to verify, two a piece.

    Raises:
        InvalidBlock: too many bytes, out of order, one validator twice, or a piece that `judge`
            refuses.
    """
    size = sum(len(encode_evidence(piece)) for piece in pieces)
    if size > params.evidence.bytes:
        raise InvalidBlock(f"block {height}: {size} bytes of evidence are too many")
    places = [place_of(piece) for piece in pieces]
    if places != sorted(places):
        raise InvalidBlock(f"block {height}: evidence is not in order of height and validator")
    if len({piece.validator for piece in pieces}) != len(pieces):
        raise InvalidBlock(f"block {height}: a validator is accused twice")
    checks: list[Check] = []
    for number, piece in enumerate(pieces):
        try:
            checks += judge(state, params, height, time_ms, piece)
        except Rejected as refusal:
            raise InvalidBlock(f"block {height}, evidence {number}: {refusal}") from refusal
    return checks


def judge(
    state: State, params: Params, height: Height, time_ms: Millis, piece: Evidence
) -> list[Check]:
    """Whether a piece counts in a block of this height and time (1.9.4, 1.9.5).

    Returns:
        Its two signatures, to be verified.

    Raises:
        Rejected: `unknown_height`, `expired`, `not_a_validator` (of that height), `settled`.
    """
    if piece.height >= height:
        raise Rejected("unknown_height", f"height {piece.height} is not stored yet")
    past = roster.past_block(state, piece.height)
    blocks = height - piece.height
    if past is None or roster.is_expired(params.evidence, past, blocks, time_ms):
        raise Rejected("expired", f"height {piece.height} is too long ago")
    member = roster.member_at(state, past, piece.validator)
    if member is None:
        raise Rejected("not_a_validator", f"{piece.validator.hex()} at height {piece.height}")
    seat = tables.SEATS.get(state, piece.validator)
    if seat is None or seat.fault is not None or piece.height < seat.answers_from:
        raise Rejected("settled", f"{piece.validator.hex()} has answered for that")
    return checks_of(params.chain_id, member.key, piece)


def accuse(state: State, height: Height, pieces: Sequence[Evidence]) -> None:
    """Note the faults of a block whose evidence was checked, burn bonds, queue for jail."""
    for piece in pieces:
        seat = roster.seat_of(state, piece.validator)
        fault = Fault(
            kind=kind_of(piece),
            height=piece.height,
            round=piece.round,
            committed=height,
            burned=seat.bond,
        )
        totals = tables.TOTALS.need(state, tables.SINGLE)
        burned = Utft(totals.burned + seat.bond)
        tables.TOTALS.put(state, tables.SINGLE, replace(totals, burned=burned))
        gone = seat.power == 0
        guilty = replace(seat, bond=Utft(0), fault=fault, jailed=gone)
        tables.SEATS.put(state, piece.validator, guilty)
        if gone:
            roster.stay(state, piece.validator)
        else:
            _queue(state, Accused(height=piece.height, validator=piece.validator))


def _queue(state: State, accused: Accused) -> None:
    """In order of (evidence height, address), whichever block brought it."""
    known = roster.roster_of(state)
    waiting = sorted([*known.accused, accused], key=lambda row: (row.height, row.validator))
    tables.ROSTER.put(state, tables.SINGLE, replace(known, accused=tuple(waiting)))


def jail_next(state: State, height: Height) -> None:
    """Take the power of the first that waits: one a block, and never the last validator's (P24)."""
    waiting = roster.roster_of(state).accused
    if not waiting or len(roster.newest(state)) == 1:
        return
    address = waiting[0].validator
    roster.set_power(state, height, address, Power(0))
    seat = roster.seat_of(state, address)
    tables.SEATS.put(state, address, replace(seat, jailed=True))
    after = replace(roster.roster_of(state), accused=waiting[1:])
    tables.ROSTER.put(state, tables.SINGLE, after)
