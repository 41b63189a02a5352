"""Receipts with their texts, fixups, the life of batches, and the supply."""

from tfchain.base.address import to_text
from tfchain.chain.receipts import receipt_id, v3_text
from tfchain.index import own
from tfchain.index.mirrors import json_text
from tfchain.index.sheet import Sheet
from tfchain.index.step import Step
from tfchain.ledger import tables
from tfchain.ledger.disputes import Fixup
from tfchain.ledger.minting import Batch, Receipt
from tfchain.ledger.records import Totals
from tfchain.rules.receipt_text import receipt_hash
from tfchain.tx.fixups import text_of
from tfchain.tx.kinds.mint_fixup import MintFixup


def take(sheet: Sheet, step: Step) -> None:
    """Keep what a block settled, sealed, corrected and minted."""
    for moved in step.moved:
        match moved.after:
            case Receipt():
                _receipt(sheet, step, moved.after)
            case Batch():
                _batch(sheet, step, moved.before, moved.after)
            case Fixup():
                _fixup(sheet, moved.after)
            case Totals():
                _supply(sheet, step, moved.after)
            case _:
                pass
    for one in step.done:
        if isinstance(one.body, MintFixup):
            _fixup_mints(sheet, step, one.body)


def _receipt(sheet: Sheet, step: Step, row: Receipt) -> None:
    text = v3_text(row)
    sheet.put(
        own.RECEIPTS,
        schedule=row.schedule,
        period=row.period,
        node_id=row.node_id,
        id=receipt_id(row).hex(),
        text_hash=receipt_hash(text).hex(),
        farm_id=row.farm_id,
        account=to_text(row.account),
        start=row.start,
        end=row.end,
        uptime=row.uptime,
        amount=row.amount,
        musd=row.musd,
        violation=row.violation,
        reason=row.reason,
        height=step.height,
        text=text,
        json=json_text(row),
    )


def _batch(sheet: Sheet, step: Step, before: object, after: Batch) -> None:
    """When it came to this state. A batch that is opened, or disputed, may come to one again."""
    if not isinstance(before, Batch) or before.state != after.state:
        sheet.put(
            own.BATCH_MOVES,
            schedule=after.schedule,
            period=after.period,
            state=after.state,
            height=step.height,
            time=step.time,
        )


def _fixup(sheet: Sheet, row: Fixup) -> None:
    sheet.put(
        own.FIXUPS,
        fixup=row.id,
        proposal=row.proposal,
        schedule=row.schedule,
        period=row.period,
        node_id=row.node_id,
        farm_id=row.farm_id,
        account=to_text(row.account),
        owed=row.owed,
        offset=row.offset,
        payable=row.payable,
        debt=row.debt,
        height=row.height,
        text_hash=row.text_hash.hex(),
        text=text_of(row),
        json=json_text(row),
    )


def _fixup_mints(sheet: Sheet, step: Step, body: MintFixup) -> None:
    for entry in body.entries:
        sheet.put(
            own.FIXUP_MINTS,
            fixup=entry.fixup,
            height=step.height,
            node_id=entry.node_id,
            account=to_text(entry.account),
            amount=entry.amount,
            lock=entry.lock,
        )


def _supply(sheet: Sheet, step: Step, row: Totals) -> None:
    before = tables.TOTALS.get(step.before, tables.SINGLE)
    sums = (row.minted_ever, row.reserved, row.burned)
    if before is not None and sums == (before.minted_ever, before.reserved, before.burned):
        return  # one of the last ids moved
    sheet.put(
        own.SUPPLY,
        height=step.height,
        time=step.time,
        minted_ever=row.minted_ever,
        reserved=row.reserved,
        burned=row.burned,
    )
