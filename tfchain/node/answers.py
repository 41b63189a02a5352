"""JSON: the only module that knows it. Records become plain values here, and requests become bytes.

64-bit quantities leave as strings, for JavaScript's numbers stop being exact at 2^53; times and
heights stay numbers. Bytes leave as hex, addresses as SS58.
"""

import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from math import ceil
from typing import Annotated, Final, TypeAlias, get_args, get_origin, get_type_hints

from tfchain.base.address import to_text
from tfchain.base.limits import SUBMIT_TXS_MAX, TX_BYTES_MAX
from tfchain.base.shapes import UInt, encode_record
from tfchain.base.units import U64_MAX, Address, Millionths, MilliUsd, Power, Utft
from tfchain.chain.receipts import receipt_id
from tfchain.errors import Malformed
from tfchain.ledger.measures import MEASURES
from tfchain.ledger.minting import STATES, MintRecord, Receipt
from tfchain.node.queries import BatchView, Proof, Status, Submitted, TxView
from tfchain.node.signed import SignedHeader
from tfchain.node.waiting import Waiting

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"

_HINTS: Final[dict[type, tuple[tuple[str, object], ...]]] = {}
_WIDE: Final = (Utft, MilliUsd, Millionths, Power)
_HEX: Final = frozenset("0123456789abcdefABCDEF")


def body_of(plain: Json) -> bytes:
    """The bytes of an answer."""
    return json.dumps(plain, separators=(",", ":")).encode()


def error(text: str) -> Json:
    """What went wrong, for a person."""
    return {"error": text}


def txs_of(body: bytes) -> list[bytes]:
    """The transactions of a `POST /v1/txs`: `{"txs": ["hex", ...]}`.

    Raises:
        Malformed: names what does not fit.
    """
    try:
        plain = json.loads(body)
    except (ValueError, RecursionError) as fault:
        raise Malformed("the body is not JSON") from fault
    if not isinstance(plain, dict) or set(plain) != {"txs"} or not isinstance(plain["txs"], list):
        raise Malformed('an object {"txs": [hex, ...]} is due')
    texts = plain["txs"]
    if not 0 < len(texts) <= SUBMIT_TXS_MAX:
        raise Malformed(f"1 to {SUBMIT_TXS_MAX} transactions are due")
    return [bytes_of(text, f"txs[{at}]", TX_BYTES_MAX) for at, text in enumerate(texts)]


def bytes_of(text: object, where: str, most: int) -> bytes:
    """The bytes that hex digits spell; raises `Malformed`."""
    if not isinstance(text, str) or len(text) % 2 or not _HEX.issuperset(text):
        raise Malformed(f"{where}: hex digits, two a byte, are due")
    if len(text) > 2 * most:
        raise Malformed(f"{where}: more than {most} bytes")
    return bytes.fromhex(text)


def submitted(rows: Sequence[Submitted]) -> Json:
    """What became of each transaction that was handed in."""
    results: list[Json] = []
    for row in rows:
        result: dict[str, Json] = {"id": row.id.hex(), "code": row.code, "detail": row.detail}
        if row.height is not None:
            result["height"] = row.height
        results.append(result)
    return {"results": results}


def tx(view: TxView) -> Json:
    """Where a transaction is."""
    return {
        "id": view.id.hex(),
        "status": view.status,
        "height": view.height,
        "position": view.position,
        "code": view.code,
    }


def record(row: object) -> dict[str, Json]:
    """A record's fields by name."""
    return {name: _plain(hint, getattr(row, name)) for name, hint in _hints(type(row))}


def receipt(row: Receipt) -> Json:
    """A receipt and its id on the ledger."""
    return {"id": receipt_id(row).hex(), **record(row)}


def page(name: str, rows: Sequence[Receipt | MintRecord], limit: int) -> Json:
    """A run of rows; `next` is the node that the next page begins at, null after the last."""
    more = rows[-1].node_id + 1 if rows and len(rows) == limit else None
    return {
        name: [receipt(row) if isinstance(row, Receipt) else record(row) for row in rows],
        "next": more,
    }


def batch(view: BatchView) -> dict[str, Json]:
    """A batch and what its guardians said; what only the machine needs is left out."""
    plain = record(view.batch)
    del plain["frontier"], plain["mints_frontier"]
    plain["state"] = STATES[view.batch.state]
    plain["guardians"] = [to_text(guardian) for guardian in view.guardians]
    plain["commitments"] = [
        {"guardian": to_text(guardian), **record(row)} for guardian, row in view.commitments
    ]
    plain["attestations"] = [
        {"guardian": to_text(guardian), **record(row)} for guardian, row in view.attestations
    ]
    return plain


def waiting(view: Waiting) -> Json:
    """For whom a node waits."""
    return {
        "height": view.height,
        "round": view.round,
        "proposer": to_text(view.proposer),
        "proposal": view.proposal,
        "block": view.block,
        "prevotes_missing": [to_text(key) for key in view.prevotes_missing],
        "precommits_missing": [to_text(key) for key in view.precommits_missing],
        "peers": [{"key": to_text(peer.key), "height": peer.height} for peer in view.peers],
    }


def status(view: Status) -> Json:
    """Where a node stands."""
    return {
        "version": view.version,
        "chain_id": view.chain_id,
        "height": view.tip.height,
        "block_id": view.tip.block_id.hex(),
        "time_ms": view.tip.time,
        "state_root": view.tip.state_root.hex(),
        "validator": None if view.validator is None else to_text(view.validator),
        "round": view.round,
        "step": view.step,
        "waiting": waiting(view.waiting),
        "peers": [
            {
                "key": to_text(Address(peer.key)),
                "connected": peer.connected,
                "where": peer.where,
                "reason": peer.reason,
                "bans": peer.bans,
                "banned_s": ceil(peer.banned_s),
            }
            for peer in view.peers
        ],
        "door": {"refused": view.refused},
        "mempool": {"count": view.pool_count, "bytes": view.pool_bytes},
        "store": view.store,
        "supply": {
            "minted_ever": str(view.totals.minted_ever),
            "reserved": str(view.totals.reserved),
            "cap": str(view.supply_cap),
        },
        "totals": {
            "twins": view.totals.twins,
            "farms": view.totals.farms,
            "nodes": view.totals.nodes,
        },
        "batches": [batch(row) for row in view.batches],
    }


def proof(view: Proof) -> dict[str, Json]:
    """A proof, every part of it in hex, for a checker that needs nothing but a trusted header."""
    return {
        "table": view.table,
        "key": view.key.hex(),
        "row": None if view.row is None else view.row.hex(),
        "state_height": view.signed.block.header.height - 1,
        "tree": {
            "siblings": [one.hex() for one in view.tree.siblings],
            "leaf": [one.hex() for one in view.tree.leaf],
        },
        "table_root": view.table_root.hex(),
        "state": {
            "index": view.index,
            "count": view.count,
            "path": [one.hex() for one in view.path],
            "root": view.signed.block.header.state_root.hex(),
        },
        "block": signed(view.signed),
    }


def signed(view: SignedHeader) -> dict[str, Json]:
    """A header and its signatures, in hex."""
    return {
        "height": view.block.header.height,
        "id": view.block.id.hex(),
        "header": view.header.hex(),
        "part_count": view.part_count,
        "part_root": view.part_root.hex(),
        "commit": encode_record(view.commit).hex(),
    }


def _plain(hint: object, value: object) -> Json:
    if get_origin(hint) is Annotated:
        hint, shape = get_args(hint)[:2]
        if type(value) is int and isinstance(shape, UInt):
            return str(value) if shape.most == U64_MAX else value
    match value:
        case None | bool() | str():
            return value
        case int():
            return str(value) if hint in _WIDE else value
        case bytes():
            return to_text(Address(value)) if hint is Address else value.hex()
        case tuple():
            return [_plain(get_args(hint)[0], item) for item in value]
        case _:
            assert is_dataclass(value), value
            return _named(value)


def _named(value: object) -> Json:
    """A record inside another; one of several that might stand there says which it is."""
    named = [row.name for row in MEASURES if type(value) is row.record]
    return {named[0]: record(value)} if named else record(value)


def _hints(cls: type) -> tuple[tuple[str, object], ...]:
    """Names and annotations of a record's fields, read once."""
    known = _HINTS.get(cls)
    if known is None:
        hints = get_type_hints(cls, include_extras=True)
        known = tuple((field.name, hints[field.name]) for field in fields(cls))
        _HINTS[cls] = known
    return known
