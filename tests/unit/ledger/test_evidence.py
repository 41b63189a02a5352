"""Evidence as bytes: one spelling a pair, and nothing taken on anybody's word (1.9.1, 1.9.5)."""

from dataclasses import replace

import pytest

from tfchain.base import crypto, merkle
from tfchain.base.codec import Plain, decode, encode
from tfchain.base.shapes import layout
from tfchain.base.units import U32_MAX, U64_MAX, Address, Height, Millis, Round
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
    DoubleHistory,
    DoubleProposal,
    DoubleVote,
    Evidence,
    Precommitted,
    Proposed,
    checks_of,
    decode_evidence,
    encode_evidence,
    evidence_root,
    kind_of,
    pack_pieces,
    place_of,
    twice_of,
    unpack_pieces,
)
from tfchain.ledger.header import GIVEN, PARTS_MAX, Header, id_of_parts
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


def header(**lies: object) -> Header:
    """The longest that there is, but for what it lies about."""
    roots = {name: bytes([number]) * 32 for number, name in enumerate(_ROOTS, start=1)}
    fields: dict[str, object] = {"chain_id": "c" * 64, "height": Height(9), "time": Millis(U64_MAX)}
    return Header(**fields | roots | {"proposer": bytes(20)} | lies)  # type: ignore[arg-type]


_ROOTS = [name for name in Header.__dataclass_fields__ if name.endswith(("_root", "_hash", "_id"))]
_ROOTS.remove("chain_id")


def precommitted(round_: int = 0, **lies: object) -> Precommitted:
    found = header(**lies)
    place = (found.height, Round(round_), id_of_parts(found, PARTS_MAX, ONE))
    return Precommitted(
        header=found,
        parts=PARTS_MAX,
        part_root=ONE,
        round=Round(round_),
        signature=crypto.sign(SEED, vote_message(CHAIN, PRECOMMIT, *place)),
    )


def histories(first: Precommitted, second: Precommitted) -> DoubleHistory:
    return DoubleHistory(validator=validator_address(KEY), first=first, second=second)


PIECES: dict[str, Evidence] = {
    "prevotes": votes(),
    "precommits": votes(PRECOMMIT),
    "a block and nil": votes(PREVOTE, NIL, ONE),
    "two blocks proposed": proposals(proposed(ONE), proposed(OTHER)),
    "one block, other POL rounds": proposals(proposed(), proposed(pol_round=1)),
    "one block, other times": proposals(proposed(), proposed(time_ms=6)),
    **{
        f"another {name}": histories(precommitted(1, **{name: bytes(32)}), precommitted(U32_MAX))
        for name in GIVEN[1:]
    },
    "another chain": histories(precommitted(), precommitted(1, chain_id="light-1")),
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
        encode_evidence(_reversed(piece))


def _reversed(piece: Evidence) -> Evidence:
    if isinstance(piece, DoubleVote):
        return replace(piece, first_id=piece.second_id, second_id=piece.first_id)
    if isinstance(piece, DoubleProposal):
        return replace(piece, first=piece.second, second=piece.first)
    return replace(piece, first=piece.second, second=piece.first)


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
    return [tag, [*row[:-2], row[-1], row[-2]]]


def _doubled(piece: Evidence) -> Plain:
    tag, row = _fields(piece)
    if isinstance(piece, DoubleVote):
        return [tag, [*row[:7], row[5], row[6]]]
    return [tag, [*row[:-1], row[-2]]]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(precommitted(0), precommitted(1), id="one block in two rounds"),
        pytest.param(
            precommitted(0),
            precommitted(1, time=Millis(7), tx_root=bytes(32), proposer=b"\x01" * 20),
            id="two blocks of one history, as amnesia has it",
        ),
        pytest.param(
            precommitted(0), precommitted(1, last_commit_hash=ONE, evidence_root=ONE),
            id="another last commit and other evidence, which a proposer chooses",
        ),
        pytest.param(
            precommitted(1), precommitted(1, state_root=ONE), id="one round: that is a double vote"
        ),
        pytest.param(
            precommitted(0), precommitted(1, state_root=ONE, height=Height(10)), id="two heights"
        ),
    ],
)  # fmt: skip
def test_what_a_correct_validator_may_sign_is_no_evidence(
    first: Precommitted, second: Precommitted
) -> None:
    for pair in ((first, second), (second, first)):
        fields = layout(DoubleHistory).pack(histories(*pair))
        with pytest.raises(Malformed, match="the smaller one first"):
            decode_evidence(encode([2, fields]))


def test_a_history_is_what_a_proposer_cannot_choose() -> None:
    """Every other field of a header is the proposer's, or the height, which both must have."""
    chosen = {"height", "time", "last_commit_hash", "tx_root", "evidence_root", "proposer"}
    assert set(Header.__dataclass_fields__) - chosen == set(GIVEN)


def test_two_histories_are_of_the_later_round() -> None:
    piece = PIECES["another state_root"]
    assert (place_of(piece), piece.round) == ((9, validator_address(KEY)), U32_MAX)
    assert kind_of(piece) == PRECOMMIT
    assert twice_of(piece) == "precommits of two histories"
    assert twice_of(votes()) == "prevotes"


_TAG, _ROW = _fields(votes())


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        pytest.param(b"", "not canonical", id="nothing"),
        pytest.param(encode(5), "a tag and a piece", id="a number"),
        pytest.param(encode([0]), "a tag and a piece", id="a tag alone"),
        pytest.param(encode([True, _ROW]), "a tag and a piece", id="true for a tag"),
        pytest.param(encode([3, _ROW]), "no evidence of kind 3", id="a kind to come"),
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
