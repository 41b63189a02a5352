"""Seats and sets as a block changes them, and what is known of the blocks gone by.

A change made in block H stands in the set of H + 2 from the moment it is made (consensus 1.10.1): the
set under way is a row like any other, valid after every transaction, so that a block has nothing left
to refuse at its end.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from tfchain.base.limits import COMMIT_SLOTS_MAX
from tfchain.base.units import MS_PER_S, Height, Millis, Power
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.params import EvidenceRow
from tfchain.ledger.seats import LEAVING_MAX, PAST_BLOCKS, Members, PastBlock, Roster, Seat
from tfchain.ledger.state import State
from tfchain.ledger.validators import POWER_TOTAL_MAX, Validator

AHEAD: Final = 2
"""From the block that changes a set to the first that it votes on."""


def roster_of(state: State) -> Roster:
    """Where the validators stand."""
    return tables.ROSTER.need(state, tables.SINGLE)


def newest(state: State) -> tuple[Validator, ...]:
    """The members of the set under way."""
    return _members(state, roster_of(state).newest)


def base(state: State, height: Height) -> tuple[Validator, ...]:
    """The newest set as the block of this height found it."""
    roster = roster_of(state)
    return _members(state, roster.before if roster.newest == height + AHEAD else roster.newest)


def changed(state: State, height: Height) -> tuple[Validator, ...] | None:
    """The members from `height + 2` on, if the block of this height changed them."""
    return newest(state) if roster_of(state).newest == height + AHEAD else None


def _members(state: State, key: Height) -> tuple[Validator, ...]:
    return tables.MEMBERS.need(state, tables.height_key(key)).validators


def power_of(state: State, account: bytes) -> int:
    """The power of the validators whose reward account this is."""
    return sum(row.power for row in newest(state) if row.reward_account == account)


def seat_of(state: State, address: bytes) -> Seat:
    """The seat; `Rejected("unknown_validator")`."""
    seat = tables.SEATS.get(state, address)
    if seat is None:
        raise Rejected("unknown_validator", address.hex())
    return seat


def set_power(state: State, height: Height, address: bytes, power: Power) -> None:
    """Give a validator with a seat another power from `height + 2` on; 0 takes it out of the set.

    Refused with `last_validator`, `set_full`, `power_total`: the set under way stays as it was.
    """
    seat = seat_of(state, address)
    rows = [row for row in newest(state) if row.address != address]
    if power:
        row = Validator(
            address=address, key=seat.key, power=power, reward_account=seat.reward_account
        )
        rows = sorted([*rows, row], key=lambda row: row.address)
    if not rows:
        raise Rejected("last_validator", "a chain without validators would stop")
    if len(rows) > COMMIT_SLOTS_MAX:
        raise Rejected("set_full", f"{COMMIT_SLOTS_MAX} validators are the most")
    if sum(row.power for row in rows) > POWER_TOTAL_MAX:
        raise Rejected("power_total", f"{POWER_TOTAL_MAX} is the most for all together")
    tables.SEATS.put(state, address, replace(seat, power=power))
    _put_newest(state, Height(height + AHEAD), tuple(rows))


def _put_newest(state: State, key: Height, rows: tuple[Validator, ...]) -> None:
    roster = roster_of(state)
    if roster.newest != key:
        moved = replace(roster, newest=key, before=roster.newest)
        tables.ROSTER.put(state, tables.SINGLE, moved)
    tables.MEMBERS.put(state, tables.height_key(key), Members(validators=rows))


def check_third(state: State, height: Height) -> None:
    """`Rejected("third")` if what this block changed so far moves a third of the power (1.10.4).

    Power that came and power that went both count, against the total that the block found: a light
    client that skips ahead needs to meet a third of those it knows.
    """
    before = {row.address: int(row.power) for row in base(state, height)}
    after = {row.address: int(row.power) for row in newest(state)}
    moved = sum(abs(after.get(at, 0) - power) for at, power in before.items())
    moved += sum(power for at, power in after.items() if at not in before)
    total = sum(before.values())
    if 3 * moved >= total:
        raise Rejected("third", f"power {moved} of {total} would move in one block without force")


def leave(state: State, height: Height, address: bytes) -> None:
    """Take a validator out of the set; its bond stays until it can be accused no more.

    Refused with `leaving_full`, and as `set_power`.
    """
    set_power(state, height, address, Power(0))
    roster = roster_of(state)
    if len(roster.leaving) >= LEAVING_MAX:
        raise Rejected("leaving_full", f"{LEAVING_MAX} bonds are held back already")
    left = replace(roster, leaving=(*roster.leaving, address))
    tables.ROSTER.put(state, tables.SINGLE, left)
    seat = replace(seat_of(state, address), left=Height(height + 1))
    tables.SEATS.put(state, address, seat)


def stay(state: State, address: bytes) -> None:
    """A validator that was leaving leaves no more."""
    roster = roster_of(state)
    rest = tuple(one for one in roster.leaving if one != address)
    if rest != roster.leaving:
        tables.ROSTER.put(state, tables.SINGLE, replace(roster, leaving=rest))


def past_block(state: State, height: Height) -> PastBlock | None:
    """What is known of an earlier block; None for one that has been forgotten, or is to come."""
    row = tables.PAST.get(state, tables.height_key(height // PAST_BLOCKS))
    place = height % PAST_BLOCKS
    return row.blocks[place] if row is not None and place < len(row.blocks) else None


def member_at(state: State, past: PastBlock, address: bytes) -> Validator | None:
    """The validator as it was in the set that voted on a block."""
    rows: Iterable[Validator] = _members(state, past.members)
    return next((row for row in rows if row.address == address), None)


def is_expired(limits: EvidenceRow, past: PastBlock, blocks: int, now_ms: Millis) -> bool:
    """Whether evidence of a block that lies so many `blocks` back is past both limits (1.9.4)."""
    return blocks > limits.blocks and now_ms - past.time > limits.seconds * MS_PER_S
