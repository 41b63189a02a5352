"""What was said to the ledger, block by block, as JSON lines; and what it paid and locked.

The first is all that the second computation gets; the second is what its figures are held against.
"""

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import BinaryIO, Final

from tfchain.base.shapes import decode_record, layout
from tfchain.base.units import MS_PER_S, Height, NodeId, PeriodIndex, ScheduleId
from tfchain.chain import export_records as records
from tfchain.ledger import tables
from tfchain.ledger.block import Block, decode_block
from tfchain.ledger.disputes import FixupEntry
from tfchain.ledger.measures import NAMED, FixReceipt
from tfchain.ledger.minting import MintEntry, Receipt
from tfchain.ledger.state import State
from tfchain.rules.regime import FREE
from tfchain.sim.fold import Fold
from tfchain.store.chain import ChainStore
from tfchain.store.export import read_records
from tfchain.tx.kinds.mint import Mint
from tfchain.tx.kinds.mint_fixup import MintFixup
from tfchain.tx.registry import KINDS, name_of
from tfchain.tx.transaction import Transaction, decode_transaction

_ACTIONS: Final[dict[type, str]] = {record: name for name, record in NAMED.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What the ledger did: coins by schedule, period and node, and what is locked, by node."""

    coins: dict[tuple[int, int, int], int]
    free: dict[tuple[int, int, int], bool]
    """Of each that were minted for a batch: whether they could be spent at once."""
    locked: dict[int, int]
    nodes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A whole chain as it is read here: blocks with what came of each transaction, and the last state."""

    genesis: str
    blocks: tuple[tuple[Block, tuple[str, ...]], ...]
    state: State


def stored(chain: ChainStore) -> Chain:
    """The chain of a node that keeps all."""
    blocks = []
    for height in range(1, chain.height() + 1):
        block = chain.block(Height(height))
        assert block is not None, "it keeps all"
        blocks.append((block, chain.codes(Height(height))))
    return Chain(genesis=chain.genesis_text(), blocks=tuple(blocks), state=State(chain.store))


def exported(file: BinaryIO) -> Chain:
    """The chain of an export, each block checked and executed again; raises what the checks raise."""
    text, fold, blocks = "", None, list[tuple[Block, tuple[str, ...]]]()
    for _, kind, payload in read_records(file):
        if kind == records.GENESIS:
            text = records.genesis_text(payload)
            fold = Fold(text)
        elif kind == records.BLOCK and fold is not None:
            fold.take(payload)
            blocks.append((decode_block(payload), fold.outcomes[fold.tip.height].codes))
    assert fold is not None, "an export begins with its genesis"
    return Chain(genesis=text, blocks=tuple(blocks), state=fold.state())


def diary_of(chain: Chain) -> Iterator[str]:
    """A line for the genesis, and one for each block."""
    stamped = tomllib.loads(chain.genesis)
    yield json.dumps(stamped)
    for block, codes in chain.blocks:
        said = [_said(transaction, body) for transaction, body in taken(block, codes)]
        time_s = block.header.time // MS_PER_S
        yield json.dumps({"height": block.header.height, "time": time_s, "said": said})


def paid_by(chain: Chain) -> Paid:
    """From the mints in the blocks, and the locks after the last one."""
    coins: dict[tuple[int, int, int], int] = {}
    free: dict[tuple[int, int, int], bool] = {}
    for block, codes in chain.blocks:
        for _, body in taken(block, codes):
            if isinstance(body, Mint | MintFixup):
                for schedule, period, entry in _entries(body):
                    place = (schedule, period, entry.node_id)
                    coins[place] = coins.get(place, 0) + entry.amount
                    if isinstance(entry, MintEntry) and entry.amount:
                        free[place] = entry.lock == FREE
    nodes = tables.TOTALS.need(chain.state, tables.SINGLE).nodes
    locked = {number: _locked(chain.state, NodeId(number)) for number in range(1, nodes + 1)}
    return Paid(coins=coins, free=free, locked=locked, nodes=nodes)


def taken(block: Block, codes: tuple[str, ...]) -> Iterator[tuple[Transaction, object]]:
    """What of a block was not refused."""
    for raw, code in zip(block.txs, codes, strict=True):
        if code == "ok":
            transaction = decode_transaction(raw)
            yield transaction, layout(KINDS[transaction.envelope.kind]).unpack(transaction.body)


def fixed_node(measure: FixReceipt) -> NodeId:
    """Whose receipt is put right."""
    return decode_record(Receipt, measure.receipt).node_id


def _entries(
    body: Mint | MintFixup,
) -> list[tuple[ScheduleId, PeriodIndex, MintEntry | FixupEntry]]:
    """Whose coins, with the batch that they are for."""
    if isinstance(body, Mint):
        return [(body.schedule, body.period, entry) for entry in body.entries]
    return [(entry.schedule, entry.period, entry) for entry in body.entries]


def _locked(state: State, node: NodeId) -> int:
    row = tables.LOCKS.get(state, tables.id_key(node))
    return 0 if row is None else sum(held.amount for held in row.held)


def _said(transaction: Transaction, body: object) -> dict[str, object]:
    envelope = transaction.envelope
    told: dict[str, object] = {"by": envelope.sender.hex(), "kind": name_of(envelope.kind)}
    if isinstance(body, Mint):
        nodes = [entry.node_id for entry in body.entries]
        return told | {"schedule": body.schedule, "period": body.period, "nodes": nodes}
    if isinstance(body, MintFixup):
        return told
    shown = _plain(body)
    assert isinstance(shown, dict)
    return told | shown


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if is_dataclass(value) and not isinstance(value, type):
        shown = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        if isinstance(value, FixReceipt):
            shown["node"] = fixed_node(value)
        action = _ACTIONS.get(type(value))
        return shown if action is None else {"action": action, **shown}
    return value
