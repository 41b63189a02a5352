"""Putting a receipt right after a vote: the difference is minted, or owed (P16, rules.md 8).

A node's pay for a batch is cut alike before and after. What it gets pays its debts first; what it had
too much of is taken from its next payouts, never from its account.
"""

from dataclasses import replace
from typing import Final

from tfchain.base import merkle
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Millionths, MilliUsd, Utft
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.disputes import WAITING_MAX, Fixup, FixupBook, FixupEntry, FixupRef, Sums
from tfchain.ledger.measures import FixReceipt
from tfchain.ledger.minting import PAID, RECEIPT_TAG, VOID, Batch, Receipt
from tfchain.ledger.state import State
from tfchain.rules.receipt_text import (
    FixupPart,
    FixupText,
    Reward,
    cloud_units,
    fixup_text,
    receipt_hash,
)
from tfchain.tx import payouts
from tfchain.tx.disputes import batch_at
from tfchain.tx.kind import Context
from tfchain.tx.lookup import totals

BLANK: Final = FixupBook(last=0, waiting=())


def book_of(state: State) -> FixupBook:
    """The last fixup, and those whose coins the next block mints."""
    return tables.FIXUP_BOOK.get(state, tables.SINGLE) or BLANK


def fix(state: State, context: Context, number: int, measure: FixReceipt) -> None:
    """Put a receipt right, and settle the difference.

    Refused with `unknown_batch`, `not_paid`, `not_its_receipt`, `fraud`, `no_change`, `busy`.
    """
    batch = batch_at(state, measure.schedule, measure.period)
    if batch.state not in (PAID, VOID):
        raise Rejected("not_paid", f"batch {batch.schedule}/{batch.period} is on its way")
    receipt = _proven(batch, measure)
    if tables.FRAUDS.get(state, tables.of_node(receipt.node_id)) is not None:
        raise Rejected("fraud", f"node {receipt.node_id} is flagged: it is paid no more")
    book = book_of(state)
    if len(book.waiting) >= WAITING_MAX:
        raise Rejected("busy", f"{len(book.waiting)} fixups wait for their coins")
    fixup = _settled(state, _drawn_up(state, context, number, measure, batch, receipt))
    _write(state, book, fixup)


def entries_due(state: State) -> tuple[FixupEntry, ...]:
    """What the next block mints for fixups, oldest first."""
    rows = [tables.FIXUPS.need(state, tables.id_key(one)) for one in book_of(state).waiting]
    return tuple(_entry(row) for row in rows)


def paid(state: State, entries: tuple[FixupEntry, ...]) -> None:
    """They have their coins: the promise is kept, nobody waits."""
    minted = sum(entry.amount for entry in entries)
    now = totals(state)
    ever, reserved = Utft(now.minted_ever + minted), Utft(now.reserved - minted)
    after = replace(now, minted_ever=ever, reserved=reserved)
    tables.TOTALS.put(state, tables.SINGLE, after)
    book = book_of(state)
    rest = tuple(one for one in book.waiting if one not in [entry.fixup for entry in entries])
    tables.FIXUP_BOOK.put(state, tables.SINGLE, replace(book, waiting=rest))


def text_of(fixup: Fixup) -> str:
    """The fixup's receipt as the public program would write it; its hash is the payment's memo."""
    return fixup_text(
        FixupText(
            start=fixup.start,
            end=fixup.end,
            node_id=fixup.node_id,
            farm_id=fixup.farm_id,
            uptimes=(fixup.minted.uptime, fixup.correct.uptime),
            stellar_payout_address=fixup.stellar_address,
            minted_receipt=fixup.minted_receipt,
            correct_receipt=fixup.correct_receipt,
            minted=_part(fixup.minted),
            correct=_part(fixup.correct),
            difference=_difference(fixup.minted, fixup.correct),
        )
    )


def _proven(batch: Batch, measure: FixReceipt) -> Receipt:
    """The receipt, if it stands under the batch's root."""
    place = measure.index, batch.count
    if merkle.check(RECEIPT_TAG, batch.root, *place, measure.receipt, measure.path):
        return decode_record(Receipt, measure.receipt)
    raise Rejected("not_its_receipt", f"batch {batch.schedule}/{batch.period} has another")


def _drawn_up(
    state: State,
    context: Context,
    number: int,
    measure: FixReceipt,
    batch: Batch,
    receipt: Receipt,
) -> Fixup:
    """What was wrong and what is right; nothing is owed yet."""
    before = _last(state, batch, receipt)
    minted, minted_receipt, given = _sums(receipt), _hash_of(receipt), _given(state, batch, receipt)
    if before is not None:
        minted, minted_receipt, given = before.correct, before.correct_receipt, before.given
    correct = Sums(
        uptime=measure.uptime,
        cu=measure.cu,
        su=measure.su,
        nu=measure.nu,
        musd=measure.musd,
        amount=measure.amount,
    )
    due = payouts.cut(batch, correct.amount)
    if due == given and correct == minted:
        raise Rejected("no_change", "it is so already")
    fixup = Fixup(
        id=book_of(state).last + 1,
        proposal=number,
        schedule=batch.schedule,
        period=batch.period,
        start=receipt.start,
        end=receipt.end,
        node_id=receipt.node_id,
        farm_id=receipt.farm_id,
        account=receipt.account,
        stellar_address=receipt.stellar_address,
        minted=minted,
        minted_receipt=minted_receipt,
        correct=correct,
        correct_receipt=measure.correct_receipt,
        text_hash=bytes(32),
        owed=Utft(max(due - given, 0)),
        offset=Utft(0),
        payable=Utft(0),
        lock=receipt.lock,
        debt=Utft(max(given - due, 0)),
        given=Utft(given),
        height=context.height,
    )
    return replace(fixup, text_hash=receipt_hash(text_of(fixup)))


def _settled(state: State, fixup: Fixup) -> Fixup:
    """What is owed goes to debts first, then below the cap; what was had too much becomes a debt."""
    offset = min(fixup.owed, payouts.debt_of(state, fixup.node_id))
    now, params = totals(state), tables.PARAMS.need(state, tables.SINGLE)
    room = max(0, params.supply_cap - now.minted_ever - now.reserved)
    payable = min(fixup.owed - offset, room)
    if offset:
        payouts.lower_debt(state, fixup.node_id, offset)
    if fixup.debt:
        payouts.raise_debt(state, fixup.node_id, fixup.debt)
    if payable:
        reserved = Utft(now.reserved + payable)
        tables.TOTALS.put(state, tables.SINGLE, replace(now, reserved=reserved))
    given = fixup.given + offset + payable - fixup.debt
    return replace(fixup, offset=Utft(offset), payable=Utft(payable), given=Utft(given))


def _write(state: State, book: FixupBook, fixup: Fixup) -> None:
    place = tables.in_batch(tables.batch_key(fixup.schedule, fixup.period), fixup.node_id)
    waiting = (*book.waiting, fixup.id) if fixup.payable else book.waiting
    tables.FIXUPS.put(state, tables.id_key(fixup.id), fixup)
    tables.FIXED.put(state, place, FixupRef(id=fixup.id))
    after = FixupBook(last=fixup.id, waiting=waiting)
    tables.FIXUP_BOOK.put(state, tables.SINGLE, after)


def _last(state: State, batch: Batch, receipt: Receipt) -> Fixup | None:
    place = tables.in_batch(tables.batch_key(batch.schedule, batch.period), receipt.node_id)
    known = tables.FIXED.get(state, place)
    return None if known is None else tables.FIXUPS.need(state, tables.id_key(known.id))


def _given(state: State, batch: Batch, receipt: Receipt) -> Utft:
    """What the node has had by the receipt itself, its debts included."""
    if payouts.is_withheld(state, batch, receipt.node_id):
        return Utft(0)
    return payouts.cut(batch, receipt.amount)


def _entry(fixup: Fixup) -> FixupEntry:
    return FixupEntry(
        fixup=fixup.id,
        schedule=fixup.schedule,
        period=fixup.period,
        node_id=fixup.node_id,
        account=fixup.account,
        amount=fixup.payable,
        lock=fixup.lock,
        receipt=fixup.text_hash,
    )


def _sums(receipt: Receipt) -> Sums:
    return Sums(
        uptime=receipt.uptime,
        cu=receipt.cu,
        su=receipt.su,
        nu=receipt.nu,
        musd=MilliUsd(receipt.musd),
        amount=receipt.amount,
    )


def _hash_of(receipt: Receipt) -> bytes:
    """The v3 text's, or the receipt's id on the ledger where its regime has no text."""
    return receipt.text_hash or merkle.leaf_hash(RECEIPT_TAG, encode_record(receipt))


def _part(sums: Sums) -> FixupPart:
    units = cloud_units(Millionths(sums.cu), Millionths(sums.su), Millionths(sums.nu))
    return FixupPart(units=units, reward=Reward(musd=sums.musd, tft=sums.amount))


def _difference(minted: Sums, correct: Sums) -> FixupPart:
    """Negative where the node had too much."""
    units = cloud_units(
        Millionths(correct.cu - minted.cu),
        Millionths(correct.su - minted.su),
        Millionths(correct.nu - minted.nu),
    )
    musd, amount = correct.musd - minted.musd, correct.amount - minted.amount
    return FixupPart(units=units, reward=Reward(musd=MilliUsd(musd), tft=Utft(amount)))
