"""Evidence as bytes: one spelling a pair, and nothing taken on anybody's word (1.9.1, 1.9.5)."""

from dataclasses import replace

import pytest

from tfchain.base import crypto, merkle
from tfchain.base.codec import Plain, decode, encode
from tfchain.base.units import Address, Height, Millis, Round
from tfchain.errors import Malformed
from tfchain.ledger.commit import (
    NIL,
    PRECOMMIT,
    PREVOTE,
    PROPOSAL,
    proposal_message,
    vote_message,
)
from tfchain.ledger.evidence import (
    EVIDENCE_BYTES_MAX,
    EVIDENCE_MAX,
    DoubleProposal,
    DoubleVote,
    Evidence,
    Proposed,
    checks_of,
    decode_evidence,
    encode_evidence,
    evidence_root,
    kind_of,
    pack_pieces,
    place_of,
    unpack_pieces,
)
from tfchain.ledger.validators import validator_address

SEED = bytes([7]) * 32
KEY = Address(crypto.public_key(SEED))
CHAIN = "test-00000000"
ONE, OTHER = b"\x01" * 32, b"\x02" * 32


def _vote_signature(kind: int, block_id: bytes) -> bytes:
    return crypto.sign(SEED, vote_message(CHAIN, kind, Height(9), Round(2), block_id))


def votes(kind: int = PREVOTE, first: bytes = ONE, second: bytes = OTHER) -> DoubleVote:
    return DoubleVote(
        validator=validator_address(KEY),
        kind=kind,
        height=Height(9),
        round=Round(2),
        first_id=first,
        first_signature=_vote_signature(kind, first),
        second_id=second,
        second_signature=_vote_signature(kind, second),
    )


def proposed(block_id: bytes = ONE, pol_round: int = -1, time_ms: int = 5) -> Proposed:
    text = proposal_message(CHAIN, Height(9), Round(2), pol_round, block_id, Millis(time_ms))
    return Proposed(
        pol_round=pol_round,
        block_id=block_id,
        time_ms=Millis(time_ms),
        signature=crypto.sign(SEED, text),
    )


def proposals(first: Proposed, second: Proposed) -> DoubleProposal:
    return DoubleProposal(
        validator=validator_address(KEY),
        height=Height(9),
        round=Round(2),
        first=first,
        second=second,
    )


PIECES: dict[str, Evidence] = {
    "prevotes": votes(),
    "precommits": votes(PRECOMMIT),
    "a block and nil": votes(PREVOTE, NIL, ONE),
    "two blocks proposed": proposals(proposed(ONE), proposed(OTHER)),
    "one block, other POL rounds": proposals(proposed(), proposed(pol_round=1)),
    "one block, other times": proposals(proposed(), proposed(time_ms=6)),
}


@pytest.mark.parametrize("name", PIECES)
def test_a_piece_comes_back_from_its_bytes_and_both_signatures_fit(name: str) -> None:
    piece = PIECES[name]
    raw = encode_evidence(piece)
    assert decode_evidence(raw) == piece
    assert len(raw) <= EVIDENCE_BYTES_MAX
    checks = checks_of(CHAIN, KEY, piece)
    assert len(checks) == 2
    assert all(crypto.verify(*check) for check in checks)
    assert checks[0][1] != checks[1][1]
    assert not any(crypto.verify(*check) for check in checks_of("test-11111111", KEY, piece))


@pytest.mark.parametrize("name", PIECES)
def test_a_piece_has_one_spelling(name: str) -> None:
    """Scenario 34c: the wrong order, or the same statement twice, is no evidence."""
    piece = PIECES[name]
    for other in (_swapped(piece), _doubled(piece)):
        with pytest.raises(Malformed, match="the smaller one first"):
            decode_evidence(encode(other))
    with pytest.raises(AssertionError, match="one spelling"):
        encode_evidence(
            replace(piece, first=piece.second, second=piece.first)
            if isinstance(piece, DoubleProposal)
            else replace(piece, first_id=piece.second_id, second_id=piece.first_id)
        )


def _fields(piece: Evidence) -> tuple[int, list[Plain]]:
    plain = decode(encode_evidence(piece), EVIDENCE_BYTES_MAX)
    assert isinstance(plain, list)
    tag, fields = plain
    assert isinstance(tag, int)
    assert isinstance(fields, list)
    return tag, fields


def _swapped(piece: Evidence) -> Plain:
    tag, row = _fields(piece)
    if isinstance(piece, DoubleVote):
        return [tag, [*row[:5], row[7], row[8], row[5], row[6]]]
    return [tag, [*row[:4], row[5], row[4]]]


def _doubled(piece: Evidence) -> Plain:
    tag, row = _fields(piece)
    if isinstance(piece, DoubleVote):
        return [tag, [*row[:7], row[5], row[6]]]
    return [tag, [*row[:5], row[4]]]


_TAG, _ROW = _fields(votes())


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        pytest.param(b"", "not canonical", id="nothing"),
        pytest.param(encode(5), "a tag and a piece", id="a number"),
        pytest.param(encode([0]), "a tag and a piece", id="a tag alone"),
        pytest.param(encode([True, _ROW]), "a tag and a piece", id="true for a tag"),
        pytest.param(encode([2, _ROW]), "no evidence of kind 2", id="a kind to come"),
        pytest.param(encode([-1, _ROW]), "no evidence of kind -1", id="a negative kind"),
        pytest.param(encode([1, _ROW]), "DoubleProposal", id="another kind's fields"),
        pytest.param(encode([0, _ROW[:-1]]), "DoubleVote", id="a field short"),
        pytest.param(
            encode([0, [*_ROW[:2], PROPOSAL, *_ROW[3:]]]), "DoubleVote.kind", id="no kind of vote"
        ),
        pytest.param(
            encode([0, [_ROW[0], bytes(19), *_ROW[2:]]]), "DoubleVote.validator", id="no address"
        ),
        pytest.param(
            encode([0, [*_ROW[:5], b"short", *_ROW[6:]]]), "DoubleVote.first_id", id="no id"
        ),
        pytest.param(
            encode([0, [*_ROW[:8], bytes(63)]]), "DoubleVote.second_signature", id="no signature"
        ),
        pytest.param(bytes(EVIDENCE_BYTES_MAX + 1), "at most", id="too long"),
    ],
)
def test_other_bytes_are_malformed(raw: bytes, named: str) -> None:
    with pytest.raises(Malformed, match=named):
        decode_evidence(raw)


def test_a_block_has_room_for_so_many_pieces() -> None:
    pieces = tuple(PIECES.values())
    assert unpack_pieces(pack_pieces(pieces)) == pieces
    plain = pack_pieces(pieces[:1])
    assert isinstance(plain, list)
    assert len(unpack_pieces(plain * EVIDENCE_MAX)) == EVIDENCE_MAX
    for other in (plain * (EVIDENCE_MAX + 1), None, 5, b"x"):
        with pytest.raises(Malformed, match="at most 256 pieces"):
            unpack_pieces(other)


def test_the_root_covers_every_byte_and_the_order() -> None:
    one, other = votes(), votes(PRECOMMIT)
    roots = {evidence_root(()), evidence_root([one]), evidence_root([one, other])}
    roots |= {evidence_root([other, one]), evidence_root([replace(one, round=Round(3))])}
    assert len(roots) == 5
    assert evidence_root() == merkle.empty_root(b"evidence")


def test_a_piece_has_a_place_and_a_kind() -> None:
    assert place_of(votes()) == (9, validator_address(KEY))
    kinds = [kind_of(PIECES[name]) for name in ("prevotes", "precommits", "two blocks proposed")]
    assert kinds == [PREVOTE, PRECOMMIT, PROPOSAL]
