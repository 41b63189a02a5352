"""Messages and events as bytes, and whose signature is due on them (consensus 1.6, scenario 35)."""

from dataclasses import replace

import pytest

from tfchain.base.units import Height, Millis, Round
from tfchain.bft.events import (
    EVENT_BYTES_MAX,
    BlockChecked,
    Built,
    Event,
    ProposalReceived,
    Signed,
    Started,
    TimedOut,
    VoteReceived,
    decode_event,
    encode_event,
)
from tfchain.bft.messages import (
    MESSAGE_BYTES_MAX,
    UNSIGNED,
    Message,
    Proposal,
    Vote,
    decode_message,
    encode_message,
    sign_bytes,
    signer_of,
)
from tfchain.errors import Malformed
from tfchain.ledger.commit import NIL, PRECOMMIT, PREVOTE, proposal_message, vote_message
from tfchain.ledger.validators import ValidatorSet

ID = bytes(range(32))
TOP = (1 << 64) - 1
VOTE = Vote(
    kind=PRECOMMIT,
    height=Height(7),
    round=Round(2),
    block_id=ID,
    validator=3,
    signature=bytes(64),
)
PROPOSAL = Proposal(
    height=Height(7),
    round=Round(2),
    pol_round=-1,
    block_id=ID,
    time_ms=Millis(5),
    signature=bytes(64),
)
EVENTS: list[Event] = [
    Started(),
    ProposalReceived(proposal=PROPOSAL, arrival_ms=Millis(9)),
    BlockChecked(block_id=ID, valid=False, time_ms=Millis(9)),
    VoteReceived(vote=VOTE),
    TimedOut(height=Height(7), round=Round(2), step=3),
    Built(round=Round(2), block_id=ID, time_ms=Millis(9)),
    Signed(message=VOTE),
    Signed(message=PROPOSAL),
]


@pytest.mark.parametrize(
    "message",
    [
        VOTE,
        replace(VOTE, kind=PREVOTE, block_id=NIL),
        PROPOSAL,
        replace(PROPOSAL, pol_round=1),
        replace(PROPOSAL, height=Height(TOP), round=Round(TOP >> 32), time_ms=Millis(TOP)),
        replace(VOTE, height=Height(TOP), round=Round(TOP >> 32), validator=65_535),
    ],
)
def test_messages_survive_their_bytes(message: Message) -> None:
    raw = encode_message(message)
    assert decode_message(raw) == message
    assert len(raw) <= MESSAGE_BYTES_MAX


@pytest.mark.parametrize("message", [VOTE, PROPOSAL])
def test_a_message_without_signature_has_no_bytes(message: Message) -> None:
    with pytest.raises(AssertionError):
        encode_message(replace(message, signature=UNSIGNED))


def test_other_things_are_no_message() -> None:
    with pytest.raises(AssertionError):
        encode_message("vote")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(MESSAGE_BYTES_MAX + 1), id="too long"),
        pytest.param(b"\xc0", id="no list"),
        pytest.param(b"\x91\x00", id="a tag alone"),
        pytest.param(b"\x92\xc3\xc0", id="true for a tag"),
        pytest.param(b"\x92\x02\xc0", id="an unknown tag"),
        pytest.param(b"\x92\x00\xc0", id="no proposal"),
        pytest.param(b"\x92\x01\x90", id="no vote"),
        pytest.param(encode_message(VOTE).replace(b"\xc4\x20" + ID, b"\xc4\x01v"), id="a short id"),
        pytest.param(encode_message(VOTE).replace(b"\x01\x02\x07", b"\x01\x03\x07"), id="a kind"),
        pytest.param(encode_message(PROPOSAL).replace(b"\xff", b"\xfe"), id="a POL round of -2"),
    ],
)
def test_bad_bytes_are_no_message(raw: bytes) -> None:
    with pytest.raises(Malformed):
        decode_message(raw)


def test_what_is_signed_is_all_but_signature_and_place_in_the_set() -> None:
    """Consensus 1.6.1."""
    assert sign_bytes("dev", VOTE) == vote_message("dev", PRECOMMIT, Height(7), Round(2), ID)
    expected = proposal_message("dev", Height(7), Round(2), -1, ID, Millis(5))
    assert sign_bytes("dev", PROPOSAL) == expected
    assert sign_bytes("dev", replace(VOTE, validator=1, signature=UNSIGNED)) == sign_bytes(
        "dev", VOTE
    )


def test_votes_are_signed_by_their_place_and_proposals_by_whose_turn_it_is(
    four: ValidatorSet,
) -> None:
    assert signer_of(four, VOTE) == four.validators[3]
    assert signer_of(four, PROPOSAL) == four.proposer(Round(2))


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(replace(VOTE, validator=4), id="a place outside the set"),
        pytest.param(replace(VOTE, validator=-1), id="a place before the set"),
        pytest.param(replace(PROPOSAL, pol_round=2), id="a POL round that is the round"),
        pytest.param(replace(PROPOSAL, pol_round=9), id="a POL round after the round"),
        pytest.param(replace(PROPOSAL, pol_round=-2), id="a POL round before all rounds"),
    ],
)
def test_what_no_validator_says_has_no_signer(four: ValidatorSet, message: Message) -> None:
    """Scenario 35: told before any cryptography (1.16.4)."""
    with pytest.raises(Malformed):
        signer_of(four, message)


@pytest.mark.parametrize("event", EVENTS)
def test_events_survive_their_bytes(event: Event) -> None:
    """P35: they are the write-ahead log."""
    raw = encode_event(event)
    assert decode_event(raw) == event
    assert len(raw) <= EVENT_BYTES_MAX


def test_tags_of_events_are_these_for_ever() -> None:
    assert [encode_event(event)[1] for event in EVENTS] == [0, 1, 2, 3, 4, 5, 6, 6]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(EVENT_BYTES_MAX + 1), id="too long"),
        pytest.param(b"\xc0", id="no list"),
        pytest.param(b"\x91\x00", id="a tag alone"),
        pytest.param(b"\x92\xc2\x91\x01", id="false for a tag"),
        pytest.param(b"\x92\x07\x91\x01", id="an unknown tag"),
        pytest.param(b"\x92\xff\x91\x01", id="a tag before all"),
        pytest.param(b"\x92\x04\x94\x01\x07\x02\x04", id="a timer of no step"),
        pytest.param(b"\x92\x06\x92\x01\xc0", id="a signature on nothing"),
    ],
)
def test_bad_bytes_are_no_event(raw: bytes) -> None:
    with pytest.raises(Malformed):
        decode_event(raw)
