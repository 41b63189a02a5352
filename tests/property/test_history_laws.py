"""No evidence against who is correct can be made of all that it ever signed, by anybody (S9, S11)."""

from dataclasses import dataclass, replace
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.base import crypto
from tfchain.base.codec import encode
from tfchain.base.shapes import layout
from tfchain.base.units import Address, Height, Millis, Round
from tfchain.errors import Malformed
from tfchain.ledger.commit import PRECOMMIT, vote_message
from tfchain.ledger.evidence import (
    KINDS,
    DoubleHistory,
    Precommitted,
    checks_of,
    decode_evidence,
    encode_evidence,
)
from tfchain.ledger.header import GIVEN, Header, id_of_parts
from tfchain.ledger.validators import validator_address

SEED: Final = bytes([9]) * 32
KEY: Final = Address(crypto.public_key(SEED))
CHAIN: Final = "laws-00000000"
CHOSEN: Final = ("last_commit_hash", "tx_root", "evidence_root")
"""What a proposer may choose of a block, beside its time."""
SMALL: Final = st.integers(0, 2)
ROOTS: Final = GIVEN[1:]


def _root(number: int) -> bytes:
    return bytes([number]) * 32


def _signed(header: Header, round_: int) -> Precommitted:
    block_id = id_of_parts(header, 1, bytes(32))
    text = vote_message(CHAIN, PRECOMMIT, header.height, Round(round_), block_id)
    return Precommitted(
        header=header,
        parts=1,
        part_root=bytes(32),
        round=Round(round_),
        signature=crypto.sign(SEED, text),
    )


@st.composite
def correct_lives(draw: st.DrawFn) -> list[Precommitted]:
    """All precommits of a correct validator: of each height one history, of each round one block.

    Which history, nobody says: it may be one that others forked. From round to round it may let a
    lock go, so that blocks differ in all that a proposer chooses.
    """
    said = []
    for height in range(1, 4):
        history = {name: _root(draw(SMALL)) for name in ROOTS}
        for round_ in sorted(draw(st.sets(st.integers(0, 4), min_size=1, max_size=3))):
            chosen = {name: _root(draw(SMALL)) for name in CHOSEN}
            header = Header(
                chain_id=CHAIN,
                height=Height(height),
                time=Millis(draw(SMALL) + 10),
                proposer=bytes(20),
                **history,
                **chosen,
            )
            said.append(_signed(header, round_))
    return said


@dataclass(frozen=True, slots=True)
class Lie:
    """What a liar makes of a statement that it heard."""

    field: str
    value: object

    def told(self, said: Precommitted) -> Precommitted:
        if self.field in Header.__dataclass_fields__:
            header = replace(said.header, **{self.field: self.value})  # type: ignore[arg-type]
            return replace(said, header=header)
        return replace(said, **{self.field: self.value})  # type: ignore[arg-type]


LIES: Final = st.one_of(
    st.none(),
    st.builds(Lie, st.sampled_from((*ROOTS, *CHOSEN, "part_root")), SMALL.map(_root)),
    st.builds(Lie, st.just("height"), st.integers(1, 3)),
    st.builds(Lie, st.sampled_from(("round", "parts")), st.integers(1, 4)),
    st.builds(Lie, st.just("chain_id"), st.sampled_from(("laws-11111111", CHAIN))),
)


def _counts(first: Precommitted, second: Precommitted) -> bool:
    """Whether a ledger would take the two for evidence."""
    piece = DoubleHistory(validator=validator_address(KEY), first=first, second=second)
    fields = layout(DoubleHistory).pack(piece)
    try:
        found = decode_evidence(encode([KINDS.index(DoubleHistory), fields]))
    except Malformed:
        return False
    return all(crypto.verify(*check) for check in checks_of(CHAIN, KEY, found))


@given(correct_lives(), st.data())
@settings(max_examples=150, deadline=None)
def test_nobody_can_accuse_a_correct_validator(
    life: list[Precommitted], data: st.DataObject
) -> None:
    """Any two of its statements, retold as anybody likes, in either order."""
    pair = []
    for _ in range(2):
        said, lie = data.draw(st.sampled_from(life)), data.draw(LIES)
        pair.append(said if lie is None else lie.told(said))
    assert not _counts(*pair)
    assert not _counts(*reversed(pair))


@given(correct_lives(), st.data())
@settings(max_examples=60, deadline=None)
def test_whoever_precommits_on_a_second_history_is_always_found_guilty(
    life: list[Precommitted], data: st.DataObject
) -> None:
    """In whichever round, whatever its blocks differ in: one field that it was given is enough."""
    said = data.draw(st.sampled_from(life))
    round_ = data.draw(st.integers(0, 6).filter(lambda number: number != said.round))
    name = data.draw(st.sampled_from(ROOTS))
    other = _signed(replace(said.header, **{name: _root(3)}), round_)  # type: ignore[arg-type]
    first, second = sorted((said, other), key=lambda one: one.round)
    assert _counts(first, second)
    piece = DoubleHistory(validator=validator_address(KEY), first=first, second=second)
    assert decode_evidence(encode_evidence(piece)) == piece
