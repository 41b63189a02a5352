"""What the records of a write-ahead log say, in words."""

from typing import Final

from tfchain.bft import events as bft
from tfchain.bft.messages import Message, Proposal
from tfchain.errors import Malformed
from tfchain.ledger.block import Block
from tfchain.ledger.commit import NO_POL, PREVOTE
from tfchain.ledger.evidence import place_of
from tfchain.replica.log import Entry, Noticed, read_record

END: Final = "end"
"""The kind of an end marker: all before it is in the store."""
_STEPS: Final = {
    bft.PROPOSE: "propose",
    bft.PREVOTE_STEP: "prevote",
    bft.PRECOMMIT_STEP: "precommit",
}


def kind_and_text(payload: bytes) -> tuple[str, str]:
    """What a record is, in one word, and what it says."""
    if not payload:
        return END, "the height is in the store"
    try:
        record = read_record(payload)
    except Malformed as fault:
        return "unknown", str(fault)
    if isinstance(record, int):
        return "height", f"height {record} begins"
    return _entry_words(record)


def _entry_words(entry: Entry) -> tuple[str, str]:  # noqa: PLR0911 -- one row an entry
    match entry:
        case Block():
            header = entry.header
            text = f"height {header.height}, {_short(entry.id)}, {len(entry.txs)} transactions"
            return "block", text
        case bft.Started():
            return "started", "round 0 begins"
        case bft.ProposalReceived():
            return "proposal", f"{message_text(entry.proposal)}, came at {entry.arrival_ms} ms"
        case bft.BlockChecked():
            return "checked", f"{_short(entry.block_id)} is {'valid' if entry.valid else 'invalid'}"
        case bft.VoteReceived():
            return "vote", message_text(entry.vote)
        case bft.TimedOut():
            text = f"height {entry.height}, round {entry.round}, {_STEPS[entry.step]} timed out"
            return "timeout", text
        case bft.Built():
            return "built", f"round {entry.round}, {_short(entry.block_id)}"
        case bft.Signed():
            return "own", message_text(entry.message)
        case Noticed():
            height, address = place_of(entry.piece)
            return "evidence", f"height {height}, against validator {address.hex()}"


def message_text(message: Message) -> str:
    """A proposal or vote on one line."""
    place = f"height {message.height}, round {message.round}"
    target = _short(message.block_id) if message.block_id else "nil"
    if isinstance(message, Proposal):
        pol = "" if message.pol_round == NO_POL else f", of round {message.pol_round} again"
        return f"proposal {place}, {target}{pol}"
    word = "prevote" if message.kind == PREVOTE else "precommit"
    return f"{word} {place}, {target}, by validator {message.validator}"


def _short(block_id: bytes) -> str:
    return block_id.hex()[:16]
