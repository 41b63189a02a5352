"""Rows of the read model as they are shown: records of our own where a row is no record of the ledger's.

Worded as everywhere: 64-bit amounts as text, times and heights as numbers, bytes as hex.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from sqlite3 import Row
from typing import Annotated, Final

from tfchain.base.shapes import U8, U32, U64, Maybe, Text, UInt
from tfchain.base.units import (
    U64_MAX,
    Height,
    Millis,
    NodeId,
    PeriodIndex,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.index.mirrors import MIRRORS
from tfchain.index.sheet import Form
from tfchain.ledger import tables
from tfchain.ledger.disputes import Fixup
from tfchain.ledger.minting import STATES, Receipt
from tfchain.node import answers
from tfchain.node.answers import Json
from tfchain.web.api import schemas
from tfchain.web.api.listing import Shown
from tfchain.web.api.schemas import Object

Hex = Annotated[str, Text(0, 64)]
Name = Annotated[str, Text(0, 64)]
MaybeName = Annotated[str | None, Maybe(Text(0, 64))]
MaybeNumber = Annotated[int | None, Maybe(UInt(0, U64_MAX))]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRow:
    """A block in a list. `state_root`: after it; `fees` went to its proposer's reward account."""

    height: Height
    id: Hex
    time_ms: Millis
    proposer: Hex
    txs: U32
    refused: U32
    fees: Utft
    bytes: U32
    minted: Utft
    state_root: Hex


@dataclass(frozen=True, slots=True, kw_only=True)
class VotedRow:
    """Its commit: in which round, and how many signed. Null until the next block carries it."""

    round: MaybeNumber
    signed: MaybeNumber
    missed: MaybeNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionRow:
    """A transaction in a block, and its code. What the protocol does by itself has no sender."""

    height: Height
    position: U32
    id: Hex
    kind: Name
    sender: MaybeName
    nonce: U64
    fee: Utft
    valid_until: Height
    code: Name
    bytes: U32


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """What one report, or one sleep, did to the account of the node's period that starts at `start`."""

    node_id: NodeId
    start: Seconds
    height: Height
    position: U32
    time: Seconds
    what: Name
    at: Seconds
    uptime: MaybeNumber
    since: Seconds
    until: Seconds
    credited: Seconds
    total: Seconds
    down: Seconds
    verdict: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyRow:
    """The sums after a block in which one of them moved."""

    height: Height
    time: Seconds
    minted_ever: Utft
    reserved: Utft
    burned: Utft


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRow:
    """When a batch came to a state: the last time, if it came there again."""

    height: Height
    schedule: ScheduleId
    period: PeriodIndex
    time: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class MintRow:
    """Coins that came to be: by a batch for a node, or by a fixup."""

    height: Height
    source: Name
    """`batch` or `fixup`."""
    schedule: Annotated[int | None, Maybe(UInt(0, 0xFF))]
    period: MaybeNumber
    fixup: MaybeNumber
    node_id: NodeId
    account: Name
    amount: Utft
    lock: U8


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRow:
    """Evidence in a block: who signed two statements at one place."""

    height: Height
    place: U32
    validator: Hex
    twice: Name
    fault_height: Height
    fault_round: U32


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedRow:
    """A vote that is not in a block's commit."""

    height: Height
    validator: Hex


def plain_of(*classes: type) -> Callable[[Row], dict[str, Json]]:
    """A row by the fields of our records."""
    names = [(cls, [field.name for field in fields(cls)]) for cls in classes]

    def make(row: Row) -> dict[str, Json]:
        plain: dict[str, Json] = {}
        for cls, columns in names:
            plain |= answers.record(cls(**{name: row[name] for name in columns}))
        return plain

    return make


def own(*classes: type, **held: tuple[str, Object]) -> Shown:
    """Rows of the read model's own tables; `held`: columns that hold JSON, and their schemas."""
    make, schema = plain_of(*classes), schemas.fields_of()
    for cls in classes:
        schema = _joined(schema, schemas.record_of(cls))
    schema = _joined(schema, schemas.fields_of(**{name: one for name, (_, one) in held.items()}))

    def whole(row: Row) -> dict[str, Json]:
        return {
            **make(row),
            **{name: json.loads(row[column]) for name, (column, _) in held.items()},
        }

    return Shown(make=whole if held else make, schema=schema)


def mirrored(name: str, *keys: str, without: tuple[str, ...] = ()) -> Shown:
    """Rows of a table of the ledger's: the record, and those parts of its key that it does not hold."""
    mirror = next(one for one in MIRRORS if one.form.name == name)
    record = schemas.record_of(tables.BY_TAG[mirror.tag].record, without)
    named = {key: _key_schema(mirror.form, key) for key in keys}

    def make(row: Row) -> dict[str, Json]:
        plain = json.loads(row["json"])
        for field in without:
            del plain[field]
        return {**{key: row[key] for key in keys}, **plain}

    return Shown(make=make, schema=_joined(schemas.fields_of(**named), record))


def _key_schema(form: Form, key: str) -> Object:
    return schemas.TEXT if dict(form.columns)[key] == "TEXT" else schemas.NUMBER


def _joined(first: Object, second: Object) -> Object:
    """An object with the fields of both."""
    one, other = first["properties"], second["properties"]
    assert isinstance(one, dict) and isinstance(other, dict), "both are of fields"
    return {**first, "properties": {**one, **other}, "required": [*{**one, **other}]}


def receipt_of(row: Row) -> dict[str, Json]:
    """A receipt as a validator shows it, and the block in which it was settled."""
    return {"id": row["id"], "settled": row["height"], **json.loads(row["json"])}


def fixup_of(row: Row) -> dict[str, Json]:
    """A correction as the ledger has it."""
    plain: dict[str, Json] = json.loads(row["json"])
    return plain


def move_of(row: Row) -> dict[str, Json]:
    """A move of a batch, with the state's name."""
    return {**_MOVE(row), "state": STATES[row["state"]]}


def state_named(shown: Shown) -> Shown:
    """The same with the name of the state that a batch is in."""

    def make(row: Row) -> dict[str, Json]:
        return {**shown.make(row), "state": STATES[row["state"]]}

    return Shown(make=make, schema=_joined(shown.schema, STATE))


_MOVE: Final = plain_of(MoveRow)
STATE: Final = schemas.fields_of(state={"type": "string", "enum": [*STATES]})
TRANSACTION: Final = own(TransactionRow, body=("body", schemas.ANYTHING))
BLOCK: Final = own(BlockRow, VotedRow)
BLOCK_ALONE: Final = own(BlockRow)
LINE: Final = own(LineRow)
SUPPLY: Final = own(SupplyRow)
MINT: Final = own(MintRow)
SEAT: Final = mirrored("seats", "validator")
FAULT: Final = own(FaultRow)
MISSED: Final = own(MissedRow)
MOVE: Final = Shown(make=move_of, schema=_joined(schemas.record_of(MoveRow), STATE))
FIXUP: Final = Shown(make=fixup_of, schema=schemas.record_of(Fixup))
RECEIPT: Final = Shown(
    make=receipt_of,
    schema=schemas.record_of(Receipt, id=schemas.HASH, settled=schemas.NUMBER),
)
