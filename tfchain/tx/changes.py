"""Proposing a change, voting on it, carrying it out (P24, consensus 1.10).

A validator votes with its reward account: an account that several validators are paid to has the
power of them all. More than two thirds of the power of the newest set carry a change, in the very
transaction that brought the last of it; what cannot be done then refuses that transaction, and voids
nothing else (1.10.2).
"""

from dataclasses import replace
from typing import Final, assert_never

from tfchain.base.units import Height, Power, Seconds, Utft
from tfchain.errors import Malformed, Rejected
from tfchain.ledger import roster, tables
from tfchain.ledger.accounts import credit, debit
from tfchain.ledger.changes import (
    CARRIED,
    EXPIRED,
    OPEN,
    OPEN_MAX,
    Action,
    Agenda,
    Change,
    Join,
    OpenChange,
    SetConstant,
    SetPower,
    Upgrade,
)
from tfchain.ledger.constants import with_constant
from tfchain.ledger.seats import Seat
from tfchain.ledger.state import State
from tfchain.ledger.validators import validator_address
from tfchain.tx.kind import Context

GUESTS_MAX: Final = OPEN_MAX // 2
"""Changes on the agenda that people without a vote proposed: they never crowd out the validators."""
FIRST_RULES: Final = 1
"""The rule set that a chain begins with."""


def propose(state: State, context: Context, action: Action, *, force: bool) -> None:
    """Put a change on the agenda; the sender's own vote, if it has one, is a yes.

    Only somebody who wants to join proposes without a vote. What could not be done today is refused
    at once, but for the guard of a third, which is asked when the change is carried.

    Refused with `not_a_validator`, `agenda_full`, `balance`, and what `carry_out` says.
    """
    guest = roster.power_of(state, context.sender) == 0
    if guest and not isinstance(action, Join):
        raise Rejected("not_a_validator", "the account of a validator proposes this")
    if isinstance(action, Join):
        debit(state, context.sender, action.bond)
    carry_out(state.branch(), context, action)
    change = _put_on_agenda(state, context, action, force=force, guest=guest)
    if not guest:
        _count(state, context, change)


def vote(state: State, context: Context, number: int, *, yes: bool) -> None:
    """Vote for a change, or take a vote back.

    Refused with `unknown_change`, `closed`, `not_a_validator`; and with `third` or what the change
    itself is refused with, where this vote would have carried it: then the vote does not count.
    """
    change = tables.CHANGES.get(state, tables.id_key(number))
    if change is None:
        raise Rejected("unknown_change", str(number))
    if change.state != OPEN:
        raise Rejected("closed", f"change {number} was carried or has expired")
    if roster.power_of(state, context.sender) == 0:
        raise Rejected("not_a_validator", "the account of a validator votes")
    others = tuple(account for account in change.yes if account != context.sender)
    if yes:
        _count(state, context, replace(change, yes=others))
    else:
        tables.CHANGES.put(state, tables.id_key(number), replace(change, yes=others))


def expire(state: State, height: Height, now: Seconds) -> None:
    """Close what was voted on for too long, and give bonds back. At most `OPEN_MAX` rows."""
    agenda = tables.AGENDA.need(state, tables.SINGLE)
    for row in agenda.open:
        if row.until <= now:
            change = tables.CHANGES.need(state, tables.id_key(row.id))
            if isinstance(change.action, Join):
                credit(state, change.proposer, change.action.bond)
            _close(state, height, change, EXPIRED)


def bond_held(change: Change) -> Utft:
    """What an open change holds of its proposer's coins."""
    held = change.state == OPEN and isinstance(change.action, Join)
    return change.action.bond if held else Utft(0)  # type: ignore[union-attr]


def _put_on_agenda(
    state: State, context: Context, action: Action, *, force: bool, guest: bool
) -> Change:
    agenda = tables.AGENDA.need(state, tables.SINGLE)
    guests = sum(row.guest for row in agenda.open)
    if len(agenda.open) >= OPEN_MAX or (guest and guests >= GUESTS_MAX):
        raise Rejected("agenda_full", f"{len(agenda.open)} changes are voted on already")
    number = agenda.last + 1
    until = Seconds(context.time + context.params.voting)
    row = OpenChange(id=number, until=until, guest=guest)
    tables.AGENDA.put(state, tables.SINGLE, Agenda(last=number, open=(*agenda.open, row)))
    change = Change(
        id=number,
        action=action,
        force=force,
        proposer=context.sender,
        opened=context.height,
        until=until,
        state=OPEN,
        closed=Height(0),
        yes=(),
    )
    tables.CHANGES.put(state, tables.id_key(number), change)
    return change


def _count(state: State, context: Context, change: Change) -> None:
    """The sender says yes. Votes of accounts that have no power any more are forgotten."""
    said = (*change.yes, context.sender)
    yes = tuple(sorted(account for account in said if roster.power_of(state, account)))
    change = replace(change, yes=yes)
    tables.CHANGES.put(state, tables.id_key(change.id), change)
    power = sum(roster.power_of(state, account) for account in yes)
    total = sum(row.power for row in roster.newest(state))
    if 3 * power <= 2 * total:
        return
    carry_out(state, context, change.action)
    if isinstance(change.action, Join | SetPower) and not change.force:
        roster.check_third(state, context.height)
    _close(state, context.height, change, CARRIED)


def _close(state: State, height: Height, change: Change, how: int) -> None:
    closed = replace(change, state=how, closed=height)
    tables.CHANGES.put(state, tables.id_key(change.id), closed)
    agenda = tables.AGENDA.need(state, tables.SINGLE)
    rest = tuple(row for row in agenda.open if row.id != change.id)
    tables.AGENDA.put(state, tables.SINGLE, replace(agenda, open=rest))


def carry_out(state: State, context: Context, action: Action) -> None:
    """Do what was voted for.

    Refused with `known_validator`, `unknown_validator`, `accused`, `no_change`, `constant`,
    `too_early`, `old_rules`, and as `roster.set_power` and `roster.leave`.
    """
    match action:
        case Join():
            _join(state, context.height, action)
        case SetPower():
            _set_power(state, context.height, action)
        case SetConstant():
            _set_constant(state, action)
        case Upgrade():
            _set_upgrade(state, context.height, action)
        case _:
            assert_never(action)


def _join(state: State, height: Height, join: Join) -> None:
    address = validator_address(join.key)
    if tables.SEATS.get(state, address) is not None:
        raise Rejected("known_validator", "its seat is not given up yet: set its power instead")
    seat = Seat(
        key=join.key,
        power=Power(0),
        bond=join.bond,
        reward_account=join.reward_account,
        jailed=False,
        fault=None,
        answers_from=Height(height + roster.AHEAD),
        left=None,
    )
    tables.SEATS.put(state, address, seat)
    roster.set_power(state, height, address, join.power)


def _set_power(state: State, height: Height, action: SetPower) -> None:
    """Power for one that left or sits in jail brings it back.

    Whose fault still waits for its turn must be jailed first.
    """
    seat = roster.seat_of(state, action.validator)
    if seat.fault is not None and not seat.jailed:
        raise Rejected("accused", "it waits to be jailed")
    if seat.power == action.power:
        raise Rejected("no_change", f"its power is {seat.power}")
    if action.power == 0:
        roster.leave(state, height, action.validator)
        return
    if seat.jailed:
        answers_from = Height(height + roster.AHEAD)
        seat = replace(seat, jailed=False, fault=None, answers_from=answers_from)
    tables.SEATS.put(state, action.validator, replace(seat, left=None))
    roster.stay(state, action.validator)
    roster.set_power(state, height, action.validator, action.power)


def _set_constant(state: State, action: SetConstant) -> None:
    """The next block is judged by it (1.10.1); this one by what it began with."""
    params = tables.PARAMS.need(state, tables.SINGLE)
    try:
        after = with_constant(params, action.name, action.value)
    except Malformed as fault:
        raise Rejected("constant", str(fault)) from fault
    totals = tables.TOTALS.need(state, tables.SINGLE)
    if after.supply_cap < totals.minted_ever + totals.reserved:
        raise Rejected(
            "constant", "ledger.supply_cap: more than that is minted or promised already"
        )
    if after == params:
        raise Rejected("no_change", f"{action.name} is {action.value}")
    tables.PARAMS.put(state, tables.SINGLE, after)


def _set_upgrade(state: State, height: Height, action: Upgrade) -> None:
    """One upgrade stands ahead at most; a vote may move it while it does."""
    if action.height < height + roster.AHEAD:
        raise Rejected("too_early", f"height {height + roster.AHEAD} at the earliest")
    known = tables.UPGRADE.get(state, tables.SINGLE)
    rules = FIRST_RULES if known is None or known.height > height else known.rules
    if action.rules <= rules:
        raise Rejected("old_rules", f"the chain runs by rule set {rules}")
    tables.UPGRADE.put(state, tables.SINGLE, action)
