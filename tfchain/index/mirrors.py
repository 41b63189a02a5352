"""Ledger tables as SQL tables: one line says which, how its keys are told apart, and what to search by.

Each row also holds the whole record as JSON, worded as everywhere; the columns beside it are those
that somebody filters, sorts or joins by.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol, get_type_hints

from tfchain.base.address import to_text
from tfchain.base.shapes import Blob, Layout, Maybe, Shape, Text, layout
from tfchain.base.units import Address
from tfchain.index.sheet import Cell, Form, Sheet
from tfchain.index.step import Moved
from tfchain.ledger import tables
from tfchain.node import answers


class AnyTable(Protocol):
    """A ledger table, whatever its rows are."""

    @property
    def tag(self) -> int:
        """Its number in keys."""
        ...

    @property
    def record(self) -> type:
        """What its rows are."""
        ...


PARTS: Final = {"single": 0, "byte": 1, "wide": 4, "account": 32}
"""How many bytes of a key a part takes; `hex` and `text` take what is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """A ledger table, and the SQL table that shows it."""

    tag: int
    form: Form
    key: tuple[tuple[str, str], ...]
    """Name and sort of each part of the ledger's keys."""
    fields: tuple[str, ...]
    addresses: frozenset[str]
    key_bytes: int | None
    """Where a table has keys of another length, those rows are not shown."""

    def take(self, sheet: Sheet, moved: Moved) -> None:
        """Show what became of a row."""
        if self.key_bytes is not None and len(moved.key) != self.key_bytes:
            return
        key = self.key_of(moved.key)
        if moved.after is None:
            sheet.drop(self.form, *key.values())
            return
        cells = {name: self._cell(name, getattr(moved.after, name)) for name in self.fields}
        sheet.put(self.form, **key, **cells, json=json_text(moved.after))

    def key_of(self, key: bytes) -> dict[str, Cell]:
        """The cells that a ledger key comes to."""
        return dict(_key_cells(self.key, key))

    def _cell(self, name: str, value: object) -> Cell:
        match value:
            case None | str():
                return value
            case bool() | int():
                return int(value)
            case bytes():
                return to_text(Address(value)) if name in self.addresses else value.hex()
            case _:
                raise AssertionError(f"{self.form.name}.{name} is no single value")


def json_text(row: object) -> str:
    """A record as JSON, compact."""
    return json.dumps(answers.record(row), separators=(",", ":"), ensure_ascii=False)


def _key_cells(parts: tuple[tuple[str, str], ...], key: bytes) -> Iterator[tuple[str, Cell]]:
    for name, sort in parts:
        length = PARTS.get(sort, len(key))
        part, key = key[:length], key[length:]
        if sort == "account":
            yield name, to_text(Address(part))
        elif sort == "hex":
            yield name, part.hex()
        elif sort == "text":
            yield name, part.decode()
        else:
            yield name, int.from_bytes(part, "big")


def _mirror(
    table: AnyTable,
    name: str,
    key: str,
    fields: str = "",
    indexes: str = "",
    key_bytes: int | None = None,
) -> Mirror:
    """`key`: like `schedule/byte node_id/wide`; `indexes`: columns, those of one joined by `+`."""
    pairs = [part.partition("/") for part in key.split()]
    parts = tuple((head, sort) for head, _, sort in pairs)
    texts = {"account", "hex", "text"}
    keys = [(head, "TEXT" if sort in texts else "INTEGER") for head, sort in parts]
    names = tuple(fields.split())
    known: Layout[object] = layout(table.record)
    shapes = dict(zip(known.names, known.shapes, strict=True))
    columns = [(field, _sql_type(shapes[field])) for field in names]
    hints = get_type_hints(table.record)
    form = Form(
        name=name,
        columns=(*keys, *columns, ("json", "TEXT")),
        keys=len(keys),
        indexes=tuple(tuple(index.split("+")) for index in indexes.split()),
    )
    return Mirror(
        tag=table.tag,
        form=form,
        key=parts,
        fields=names,
        addresses=frozenset(field for field in names if hints[field] is Address),
        key_bytes=key_bytes,
    )


def _sql_type(shape: Shape) -> str:
    if isinstance(shape, Maybe):
        return _sql_type(shape.shape)
    return "TEXT" if isinstance(shape, Blob | Text) else "INTEGER"


_BATCH: Final = "schedule/byte period/wide"

MIRRORS: Final = (
    _mirror(tables.ACCOUNTS, "accounts", "account/account", "balance nonce", "balance"),
    _mirror(tables.HOLDINGS, "holdings", "account/account", "locked nodes"),
    _mirror(tables.TWINS, "twins", "twin_id/wide", "account relay", "account"),
    _mirror(
        tables.FARMS,
        "farms",
        "farm_id/wide",
        "twin_id name payout_account stellar_address",
        "twin_id name payout_account",
    ),
    _mirror(tables.STANDINGS, "farm_standings", "farm_id/wide", "gold frauds paid_batches"),
    _mirror(tables.FARM_POOLS, "farm_pools", "farm_id/wide", "pool guarantee"),
    _mirror(tables.FARM_IPS, "farm_ips", "farm_id/wide"),
    _mirror(
        tables.NODES,
        "nodes",
        "node_id/wide",
        "farm_id twin_id country city certified virtualized created deposit",
        "farm_id twin_id country",
    ),
    _mirror(tables.GONE, "gone_nodes", "node_id/wide", "at"),
    _mirror(
        tables.CONTRACTS,
        "terms",
        "node_id/wide",
        "regime schedule policy_id connection_price minimal_uptime registered",
        "policy_id",
    ),
    _mirror(tables.OWN_TERMS, "own_terms", "node_id/wide", "regime pool guarantee registered"),
    _mirror(tables.UPTIMES, "uptimes", "node_id/wide", "reporter schedule last_t power_moved"),
    _mirror(tables.FIRST_REPORTS, "first_reports", "node_id/wide", "at"),
    _mirror(tables.LOCKS, "locks", "node_id/wide", "kind"),
    _mirror(tables.FRAUDS, "frauds", "mark/hex", "node_id proposal evidence height", "node_id"),
    _mirror(tables.POLICIES, "policies", "policy_id/wide", "name minimal_uptime immutable default"),
    _mirror(tables.POLICY_BOOK, "policy_book", "row/single"),
    _mirror(
        tables.BATCHES,
        "batches",
        _BATCH,
        (
            "start end state commit_until attest_until pay_at node_last count total root"
            " payable minted mints_count mints_root"
        ),
        "state end",
    ),
    _mirror(tables.COMMITMENTS, "commitments", f"{_BATCH} guardian/account", "digest height"),
    _mirror(
        tables.ATTESTATIONS,
        "attestations",
        f"{_BATCH} guardian/account",
        "root total count height",
    ),
    _mirror(tables.DISPUTES, "disputes", f"{_BATCH} guardian/account", "height"),
    _mirror(tables.RULINGS, "rulings", _BATCH, "proposal void height"),
    _mirror(
        tables.MINTS,
        "mints",
        f"{_BATCH} node_id/wide",
        "account owed amount lock receipt height",
        "node_id height account",
    ),
    _mirror(tables.DEBTS, "debts", "node_id/wide", "owed"),
    _mirror(tables.DEDUCTIONS, "deductions", f"{_BATCH} node_id/wide", "amount", "node_id"),
    _mirror(tables.SCHEDULES, "schedules", "schedule/byte", "running"),
    _mirror(tables.GUARDIANS, "guardians", "row/single"),
    _mirror(tables.PARAMS, "params", "row/single", "chain_id connection_price supply_cap policy"),
    _mirror(tables.DOCKET, "docket", "row/single", "last halted"),
    _mirror(tables.UPGRADE, "upgrade", "row/single", "height rules release"),
    _mirror(
        tables.SEATS,
        "seats",
        "validator/hex",
        "key power bond reward_account jailed left",
        "reward_account",
    ),
    _mirror(
        tables.CHANGES,
        "changes",
        "change/wide",
        "proposer opened until state closed force",
        "state",
    ),
    _mirror(
        tables.PROPOSALS,
        "proposals",
        "proposal/wide",
        (
            "proposer farm_id link threshold opened until state closed enacted"
            " farms_yes farms_no yes no casts"
        ),
        "state farm_id",
    ),
    _mirror(
        tables.VOTES,
        "votes",
        "proposal/wide farm_id/wide",
        "account weight yes height",
        "account",
        8,
    ),
    _mirror(tables.RULES, "rules", "name/text", "value proposal"),
    _mirror(
        tables.CAPACITY,
        "capacity",
        "contract_id/wide",
        "twin_id node_id type farm_id public_ips created billed_at grace_since owed paid",
        "twin_id node_id",
    ),
    _mirror(tables.LOADS, "loads", "node_id/wide", "contracts rent_id dedicated extra_fee"),
)
BY_TAG: Final = {mirror.tag: mirror for mirror in MIRRORS}
