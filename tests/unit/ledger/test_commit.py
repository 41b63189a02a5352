"""What validators sign, and what proves a decision (consensus 1.6.1, 1.2.7, 1.8)."""

from dataclasses import replace
from itertools import combinations

import pytest

from tfchain.base.crypto import public_key, sign, verify
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Address, Height, Millis, Power, Round
from tfchain.errors import InvalidBlock, Malformed
from tfchain.ledger.commit import (
    ABSENT,
    FOR_BLOCK,
    FOR_NIL,
    NIL,
    PRECOMMIT,
    PREVOTE,
    Commit,
    CommitSlot,
    check_commit,
    check_tally,
    commit_hash,
    proposal_message,
    signatures_of,
    vote_message,
)
from tfchain.ledger.validators import Validator, ValidatorSet, genesis_set, validator_address

CHAIN = "dev-00000000"
ID = bytes(range(32))
OTHER = bytes(range(1, 33))
GONE = CommitSlot(flag=ABSENT, signature=b"")


def seeds_and_set(count: int) -> tuple[list[bytes], ValidatorSet]:
    """The seeds in the order of their validators."""
    seeds = {public_key(bytes([n]) * 32): bytes([n]) * 32 for n in range(1, count + 1)}
    members = genesis_set(
        [
            Validator(
                address=validator_address(key),
                key=Address(key),
                power=Power(10),
                reward_account=Address(key),
            )
            for key in seeds
        ]
    )
    return [seeds[one.key] for one in members.validators], members


SEEDS, FOUR = seeds_and_set(4)


def slot(index: int, flag: int, height: int = 7, round_: int = 1) -> CommitSlot:
    if flag == ABSENT:
        return GONE
    block_id = ID if flag == FOR_BLOCK else NIL
    message = vote_message(CHAIN, PRECOMMIT, Height(height), Round(round_), block_id)
    return CommitSlot(flag=flag, signature=sign(SEEDS[index], message))


def commit_of(*flags: int) -> Commit:
    slots = tuple(slot(index, flag) for index, flag in enumerate(flags))
    return Commit(height=Height(7), round=Round(1), block_id=ID, slots=slots)


def test_no_two_statements_have_the_same_bytes() -> None:
    """1.6.2, consensus 1.6.1: kind, height, round, POL round, id, time and chain are all told
    apart."""
    height, later, first, second = Height(1), Height(256), Round(0), Round(1)
    statements = [
        vote_message(CHAIN, PREVOTE, height, first, ID),
        vote_message(CHAIN, PRECOMMIT, height, first, ID),
        vote_message(CHAIN, PREVOTE, height, first, NIL),
        vote_message(CHAIN, PREVOTE, height, first, OTHER),
        vote_message(CHAIN, PREVOTE, height, second, ID),
        vote_message(CHAIN, PREVOTE, later, first, ID),
        vote_message(CHAIN + "0", PREVOTE, height, first, ID),
        vote_message("", PREVOTE, height, first, ID),
        proposal_message(CHAIN, height, first, -1, ID, Millis(5)),
        proposal_message(CHAIN, height, first, 0, ID, Millis(5)),
        proposal_message(CHAIN, height, first, -1, ID, Millis(6)),
        proposal_message(CHAIN, height, first, -1, OTHER, Millis(5)),
        proposal_message(CHAIN, height, second, -1, ID, Millis(5)),
    ]
    assert all(one != other for one, other in combinations(statements, 2))
    assert not any(
        one.startswith(other) or other.startswith(one) for one, other in combinations(statements, 2)
    )


def test_signed_bytes_are_these_for_ever() -> None:
    vote = vote_message("dev", PRECOMMIT, Height(258), Round(3), b"\xaa" * 32)
    assert vote == (
        b"tfchain/consensus\x01\x02"
        + bytes.fromhex("0000000000000102" + "0000000000000003")
        + b"\x01" + b"\xaa" * 32
        + b"\x03dev"
    )  # fmt: skip
    nil = vote_message("dev", PREVOTE, Height(1), Round(0), NIL)
    assert nil == b"tfchain/consensus\x01\x01" + b"\0" * 7 + b"\x01" + b"\0" * 8 + b"\x00\x03dev"
    proposal = proposal_message("dev", Height(1), Round(0), -1, b"\xaa" * 32, Millis(256))
    assert proposal == (
        b"tfchain/consensus\x01\x20"
        + b"\0" * 7 + b"\x01" + b"\0" * 8
        + b"\xff" * 8
        + b"\x01" + b"\xaa" * 32
        + b"\0" * 6 + b"\x01\x00"
        + b"\x03dev"
    )  # fmt: skip


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param((1, 1, 1, 1), id="all for the block"),
        pytest.param((1, 1, 1, 0), id="one absent"),
        pytest.param((2, 1, 1, 1), id="one for nil"),
    ],
)
def test_more_than_two_thirds_make_a_commit(flags: tuple[int, ...]) -> None:
    commit = commit_of(*flags)
    check_commit(CHAIN, FOUR, commit, verify)
    triples = signatures_of(CHAIN, FOUR, commit)
    assert len(triples) == sum(flag != ABSENT for flag in flags)
    assert all(verify(*triple) for triple in triples)


@pytest.mark.parametrize(
    ("flags", "power"),
    [
        pytest.param((1, 1, 0, 0), 20, id="two of four"),
        pytest.param((1, 1, 2, 2), 20, id="nil counts for nothing (1.8.3)"),
        pytest.param((0, 0, 0, 0), 0, id="nobody"),
    ],
)
def test_less_is_no_commit(flags: tuple[int, ...], power: int) -> None:
    with pytest.raises(InvalidBlock, match=f"power {power} for the block, 27 is due"):
        check_commit(CHAIN, FOUR, commit_of(*flags), verify)


def test_exactly_two_thirds_is_not_enough() -> None:
    """Consensus 1.1.12."""
    _, three = seeds_and_set(3)
    slots = (slot(0, FOR_BLOCK), slot(1, FOR_BLOCK), GONE)
    with pytest.raises(InvalidBlock, match="power 20 for the block, 21 is due"):
        check_tally(three, replace(commit_of(), slots=slots))


def test_every_signature_counts_also_those_beyond_two_thirds() -> None:
    """Consensus 1.2.7: the fourth is not needed for the quorum, and is still checked."""
    good = commit_of(1, 1, 1, 1)
    for index in range(4):
        slots = list(good.slots)
        slots[index] = CommitSlot(flag=FOR_BLOCK, signature=bytes(64))
        with pytest.raises(InvalidBlock, match=f"slot {index}: the signature is false"):
            check_commit(CHAIN, FOUR, replace(good, slots=tuple(slots)), verify)


def test_nil_signatures_are_checked() -> None:
    """Consensus 1.8.2."""
    good = commit_of(1, 1, 1, 2)
    forged = CommitSlot(flag=FOR_NIL, signature=slot(3, FOR_BLOCK).signature)
    with pytest.raises(InvalidBlock, match="slot 3: the signature is false"):
        check_commit(CHAIN, FOUR, replace(good, slots=(*good.slots[:3], forged)), verify)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"height": 8}, id="another height"),
        pytest.param({"round": 2}, id="another round"),
        pytest.param({"block_id": OTHER}, id="another block"),
    ],
)
def test_signatures_speak_for_one_place_only(change: dict[str, int]) -> None:
    with pytest.raises(InvalidBlock, match="slot 0"):
        check_commit(CHAIN, FOUR, replace(commit_of(1, 1, 1, 0), **change), verify)  # type: ignore[arg-type]


def test_signatures_speak_for_one_chain_only() -> None:
    with pytest.raises(InvalidBlock, match="slot 0"):
        check_commit("other-00000000", FOUR, commit_of(1, 1, 1, 1), verify)


def test_swapped_slots_are_found() -> None:
    """1.5 A4, scenario 38: a signature counts in the place of its own validator only."""
    good = commit_of(1, 1, 1, 1)
    swapped = (good.slots[1], good.slots[0], *good.slots[2:])
    with pytest.raises(InvalidBlock, match="slot 0"):
        check_commit(CHAIN, FOUR, replace(good, slots=swapped), verify)


@pytest.mark.parametrize(
    ("slots", "fault"),
    [
        pytest.param((GONE,) * 3, "3 slots for 4 validators", id="too few slots"),
        pytest.param((GONE,) * 5, "5 slots for 4 validators", id="too many slots"),
        pytest.param(
            (GONE, GONE, CommitSlot(flag=ABSENT, signature=bytes(64)), GONE),
            "slot 2: flag belies signature",
            id="absent with a signature",
        ),
        pytest.param(
            (CommitSlot(flag=FOR_NIL, signature=b""), GONE, GONE, GONE),
            "slot 0: flag belies signature",
            id="nil without a signature",
        ),
    ],
)
def test_slots_must_fit_the_set(slots: tuple[CommitSlot, ...], fault: str) -> None:
    """Consensus 1.2.7: one slot for each validator."""
    with pytest.raises(InvalidBlock, match=fault):
        check_tally(FOUR, replace(commit_of(), slots=slots))


def test_the_hash_covers_every_signature() -> None:
    good = commit_of(1, 1, 1, 1)
    assert commit_hash(good) != commit_hash(replace(good, slots=(*good.slots[:3], GONE)))
    assert commit_hash(good) == commit_hash(decode_record(Commit, encode_record(good)))


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x95\x01\x01\x00\xc4\x20" + ID + b"\xc0", id="no slots"),
        pytest.param(
            b"\x95\x01\x01\x00\xc4\x20" + ID + b"\x91\x93\x01\x03\xc4\x00", id="an unknown flag"
        ),
        pytest.param(
            b"\x95\x01\x01\x00\xc4\x20" + ID + b"\x91\x93\x01\x01\xc4\x01a", id="a short signature"
        ),
        pytest.param(
            b"\x95\x01\x01\x00\xc4\x20" + ID + b"\x91\x93\x01\x01\xa0", id="text for a signature"
        ),
    ],
)
def test_bad_bytes_are_no_commit(raw: bytes) -> None:
    with pytest.raises(Malformed):
        decode_record(Commit, raw)
