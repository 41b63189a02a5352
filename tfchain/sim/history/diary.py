"""What was said to the ledger, block by block, as JSON lines; and what it paid and locked.

The first is all that the second computation gets; the second is what its figures are held against.
"""

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Final

from tfchain.base.shapes import layout
from tfchain.base.units import MS_PER_S, Height, NodeId
from tfchain.ledger import tables
from tfchain.ledger.measures import NAMED
from tfchain.ledger.state import State
from tfchain.store.chain import ChainStore
from tfchain.tx.kinds.mint import Mint
from tfchain.tx.registry import KINDS, name_of
from tfchain.tx.transaction import Transaction, decode_transaction

_ACTIONS: Final[dict[type, str]] = {record: name for name, record in NAMED.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What the ledger did: coins by schedule, period and node, and what is locked, by node."""

    coins: dict[tuple[int, int, int], int]
    locked: dict[int, int]
    nodes: int


def diary_of(chain: ChainStore) -> Iterator[str]:
    """A line for the genesis, and one for each block."""
    yield json.dumps(tomllib.loads(chain.genesis_text()))
    for height in range(1, chain.height() + 1):
        time_s, bodies = _block(chain, Height(height))
        said = [_said(transaction, body) for transaction, body in bodies]
        yield json.dumps({"height": height, "time": time_s, "said": said})


def paid_by(chain: ChainStore) -> Paid:
    """From the mints in the blocks, and the locks after the last one."""
    coins: dict[tuple[int, int, int], int] = {}
    for height in range(1, chain.height() + 1):
        for _, body in _block(chain, Height(height))[1]:
            if isinstance(body, Mint):
                for entry in body.entries:
                    place = (body.schedule, body.period, entry.node_id)
                    coins[place] = coins.get(place, 0) + entry.amount
    state = State(chain.store)
    nodes = tables.TOTALS.need(state, tables.SINGLE).nodes
    locked = {number: _locked(state, NodeId(number)) for number in range(1, nodes + 1)}
    return Paid(coins=coins, locked=locked, nodes=nodes)


def _locked(state: State, node: NodeId) -> int:
    row = tables.LOCKS.get(state, tables.id_key(node))
    return 0 if row is None else sum(held.amount for held in row.held)


def _block(chain: ChainStore, height: Height) -> tuple[int, list[tuple[Transaction, object]]]:
    """Its time, and what of it was taken."""
    block = chain.block(height)
    assert block is not None, "the first node keeps all"
    found = list[tuple[Transaction, object]]()
    for raw, code in zip(block.txs, chain.codes(height), strict=True):
        if code == "ok":
            transaction = decode_transaction(raw)
            body = layout(KINDS[transaction.envelope.kind]).unpack(transaction.body)
            found.append((transaction, body))
    return block.header.time // MS_PER_S, found


def _said(transaction: Transaction, body: object) -> dict[str, object]:
    envelope = transaction.envelope
    told: dict[str, object] = {"by": envelope.sender.hex(), "kind": name_of(envelope.kind)}
    if isinstance(body, Mint):
        nodes = [entry.node_id for entry in body.entries]
        return told | {"schedule": body.schedule, "period": body.period, "nodes": nodes}
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
        action = _ACTIONS.get(type(value))
        return shown if action is None else {"action": action, **shown}
    return value
