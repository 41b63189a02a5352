"""What a peer lacks, told from what it says it has: repair by state, not by memory of sends.

Nothing is marked as delivered. Each side says now and then which messages of the height it holds, and
the other sends the difference; a lost message is sent again at the next exchange (consensus 1.14.1).
"""

from dataclasses import dataclass
from typing import Annotated, Final

from tfchain.base.limits import COMMIT_SLOTS_MAX
from tfchain.base.shapes import Blob, Many, Nested, UInt
from tfchain.base.units import Height, Round
from tfchain.bft.events import DECIDED, NEW
from tfchain.bft.machine import Machine
from tfchain.bft.messages import Message, Vote
from tfchain.bft.rounds import RoundLog
from tfchain.bft.votes import VoteSet, bitmap, bitmap_bytes
from tfchain.errors import Malformed
from tfchain.ledger.commit import NIL, PRECOMMIT, PREVOTE, PROPOSAL, VotedId

HOLDINGS_MAX: Final = 256
"""Rows in a view: votes of two kinds, a proposal and a claim for each round that is kept."""

LACKING_MAX: Final = 2 * COMMIT_SLOTS_MAX
"""Messages in one answer: a whole round of votes of the largest set. The rest comes next time."""

_KINDS: Final = (PREVOTE, PRECOMMIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Which validators' messages of a kind and round somebody holds, a bit each.

    With a block id: whose votes count there for this id, the one that the current proposal says the
    round's polka was for. For a proposal the bitmap is a single set bit.
    """

    kind: Annotated[int, UInt(PREVOTE, PROPOSAL)]
    round: Round
    block_id: VotedId
    bits: Annotated[bytes, Blob(1, COMMIT_SLOTS_MAX // 8)]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Where somebody stands in a height, and what it holds of it."""

    height: Height
    round: Round
    step: Annotated[int, UInt(NEW, DECIDED)]
    holdings: Annotated[tuple[Holding, ...], Many(Nested(Holding), HOLDINGS_MAX)]


_ONE_BIT: Final = b"\x01"


def view_of(machine: Machine) -> View:
    """What this node tells its peers of the height, newest rounds first."""
    count = len(machine.config.validators.validators)
    holdings: list[Holding] = []
    for number in reversed(machine.rounds.numbers()):
        holdings += _holdings(machine.rounds.open(number), Round(number), count)
    return View(
        height=machine.config.height,
        round=machine.round,
        step=machine.step,
        holdings=tuple(holdings[:HOLDINGS_MAX]),
    )


def _holdings(log: RoundLog, number: Round, count: int) -> list[Holding]:
    rows = []
    if log.proposal is not None:
        rows.append(Holding(kind=PROPOSAL, round=number, block_id=NIL, bits=_ONE_BIT))
    for kind in _KINDS:
        held = log.votes(kind).votes()
        if held:
            bits = bitmap(held, count)
            rows.append(Holding(kind=kind, round=number, block_id=NIL, bits=bits))
    claimed = log.prevotes.claimed
    if claimed:
        bits = bitmap(log.prevotes.votes_for(claimed), count)
        rows.append(Holding(kind=PREVOTE, round=number, block_id=claimed, bits=bits))
    return rows


def lacking(machine: Machine, view: View) -> tuple[Message, ...]:
    """Up to `LACKING_MAX` messages we hold that would bring a peer with this view forward.

    First the deciding round, then the peer's own, then ours, then the others from the newest on.

    Raises:
        Malformed: a bitmap of another length than the set's (scenario 35).
    """
    if view.height != machine.config.height:
        return ()  # of another height the set may have another length
    _check_bitmaps(view, len(machine.config.validators.validators))
    held = {(row.kind, row.round, row.block_id): row.bits for row in view.holdings}
    messages: list[Message] = []
    for number in _rounds_by_use(machine, view):
        messages += _lacking_in(machine.rounds.open(number), number, view, held)
        if len(messages) >= LACKING_MAX:
            break
    return tuple(messages[:LACKING_MAX])


def _check_bitmaps(view: View, count: int) -> None:
    for row in view.holdings:
        due = 1 if row.kind == PROPOSAL else bitmap_bytes(count)
        if len(row.bits) != due:
            raise Malformed(f"a bitmap of {due} bytes is due for {count} validators")


def _rounds_by_use(machine: Machine, view: View) -> list[int]:
    first = [machine.decided[0]] if machine.decided else []
    wished = [*first, view.round, machine.round, *reversed(machine.rounds.numbers())]
    known = [number for number in wished if machine.rounds.get(number) is not None]
    return list(dict.fromkeys(known))


_Held = dict[tuple[int, Round, bytes], bytes]


def _lacking_in(log: RoundLog, number: int, view: View, held: _Held) -> list[Message]:
    round_ = Round(number)
    messages: list[Message] = []
    if log.proposal and round_ >= view.round and (PROPOSAL, round_, NIL) not in held:
        messages.append(log.proposal)
    for kind in _KINDS:
        votes = log.votes(kind)
        messages += _beyond(votes.votes(), held.get((kind, round_, NIL), b""))
    for (kind, claimed_round, block_id), bits in held.items():
        if kind == PREVOTE and claimed_round == round_ and block_id:
            messages += _claimed_beyond(log.prevotes, block_id, bits, messages)
    return messages


def _claimed_beyond(
    votes: VoteSet, block_id: bytes, bits: bytes, chosen: list[Message]
) -> list[Vote]:
    """Votes for the id that the peer asks about, also where it has another vote of the validator."""
    return [vote for vote in _beyond(votes.votes_for(block_id), bits) if vote not in chosen]


def _beyond(votes: list[Vote], bits: bytes) -> list[Vote]:
    """The votes whose validators' bits are not set."""
    number = int.from_bytes(bits, "little")
    return [vote for vote in votes if not number >> vote.validator & 1]
