"""The mint transactions that are due in a block: everybody derives the same ones (P43)."""

from dataclasses import replace

from tfchain.base.limits import MINT_RUN_MAX
from tfchain.base.shapes import layout
from tfchain.base.units import Height, NodeId, Seconds, Utft
from tfchain.chain import enactments
from tfchain.chain.batches import Share, plan
from tfchain.chain.receipts import receipt_id
from tfchain.ledger import tables
from tfchain.ledger.minting import Batch, MintEntry, Receipt
from tfchain.ledger.params import Params
from tfchain.ledger.state import State
from tfchain.rules.regime import WITHHELD
from tfchain.tx import payouts
from tfchain.tx.kinds.mint import Mint
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import SYSTEM, SYSTEM_KIND, Envelope, encode_transaction


def due(state: State, params: Params, height: Height, now: Seconds) -> list[bytes]:
    """The bytes of the mints, and behind them the enactments, that must stand first in the next block.

    `state` is the parent's, `now` the block's own time in seconds.
    """
    shares, left = plan(state, params, now)[1], dict[NodeId, int]()
    runs = [_encoded(params, mint, height) for one in shares for mint in _runs(state, one, left)]
    fixed = enactments.fixups_due(state, params, height)
    return [*runs, *fixed, *enactments.due(state, params, height)]


def _runs(state: State, share: Share, left: dict[NodeId, int]) -> list[Mint]:
    """`left`: what the block's entries so far leave of the debts of their nodes."""
    batch, runs = share.batch, list[Mint]()
    last = batch.pay_cursor + share.nodes
    for first in range(batch.pay_cursor, last, MINT_RUN_MAX):
        upto = min(first + MINT_RUN_MAX, last)
        mint = _mint(state, batch, first, upto)
        entries = [payouts.less_debt(state, left, entry) for entry in mint.entries]
        runs.append(replace(mint, entries=tuple(entries)))
    return runs


def _mint(state: State, batch: Batch, first: int, upto: int) -> Mint:
    name = tables.batch_key(batch.schedule, batch.period)
    entries = []
    for number in range(first, upto):
        receipt = tables.RECEIPTS.get(state, tables.in_batch(name, number))
        if receipt is not None:
            entries.append(_entry(state, batch, NodeId(number), receipt))
    return Mint(
        schedule=batch.schedule,
        period=batch.period,
        root=batch.root,
        upto=upto,
        entries=tuple(entries),
    )


def _entry(state: State, batch: Batch, node_id: NodeId, receipt: Receipt) -> MintEntry:
    """A cut at the supply cap is pro rata, rounded down: the dust is never minted (P15).

    A node found fraudulent since, or left out by the guardians, is paid nothing; `WITHHELD` says so.
    """
    withheld = payouts.is_withheld(state, batch, node_id)
    return MintEntry(
        node_id=node_id,
        account=receipt.account,
        amount=Utft(0) if withheld else payouts.cut(batch, receipt.amount),
        lock=WITHHELD if withheld else receipt.lock,
        receipt=receipt_id(receipt),
    )


def _encoded(params: Params, mint: Mint, height: Height) -> bytes:
    assert NUMBERS[Mint] == SYSTEM_KIND
    envelope = Envelope(
        chain_id=params.chain_id,
        sender=SYSTEM,
        nonce=0,
        valid_until=height,
        fee=Utft(0),
        kind=SYSTEM_KIND,
    )
    return encode_transaction(envelope, layout(Mint).pack(mint), b"")
