"""Answers as tables for people: amounts in TFT, times in UTC, names beside values."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from rich.table import Table

from tfchain.cli.status import coins, short

Plain = dict[str, object]

_COINS: Final = frozenset(
    {
        "balance",
        "locked",
        "staked",
        "amount",
        "owed",
        "fee",
        "deposit",
        "total",
        "payable",
        "minted",
    }
)
_SECONDS: Final = frozenset(
    {"start", "end", "commit_until", "attest_until", "pay_at", "created", "registered_at"}
)
_SECONDS_MAX: Final = 253_402_300_799
"""The last second that a calendar of four digits has."""
_TXS_SHOWN: Final = 50


def table_of(plain: Plain) -> Table:
    """Names beside values; lists and records inside as JSON."""
    table = Table(show_header=False)
    for name, value in plain.items():
        table.add_row(name, cell(name, value))
    return table


def cell(name: str, value: object) -> str:
    """A value as people read it."""
    if name in _COINS and coins(value) != "-":
        return f"{coins(value)} ({value})"
    if name in _SECONDS and type(value) is int and 0 < value <= _SECONDS_MAX:
        return f"{utc(value)} ({value})"
    return value if isinstance(value, str) else json.dumps(value)


def account_table(plain: Plain) -> Table:
    """An account with a line for each of its locks: how much, of which node, until when or on what."""
    table = table_of({name: value for name, value in plain.items() if name != "locks"})
    locks = plain.get("locks")
    for row in locks if isinstance(locks, list) else []:
        if isinstance(row, dict):
            table.add_row(f"locked, node {row.get('node_id')}", _lock(row))
    return table


def _lock(row: Plain) -> str:
    """A lock that age opens says when; use may open it before."""
    until, waits = row.get("until"), str(row.get("waits")).replace("_", " ")
    when = f", {cell('end', until)} at the latest" if until is not None else ""
    return f"{cell('amount', row.get('amount'))} {waits}{when}"


def utc(time: int) -> str:
    """Seconds since 1970 as a date."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S")


def batches_table(rows: Sequence[Plain]) -> Table:
    """Batches, oldest first: where each is on its way, and what it comes to."""
    table = headed("batch", "state", "from", "to", "receipts", "owed", "minted", "root")
    for row in rows:
        start, end = (cell(name, row.get(name)).partition(" (")[0] for name in ("start", "end"))
        table.add_row(
            f"{row.get('schedule')}/{row.get('period')}",
            str(row.get("state")),
            start,
            end,
            str(row.get("count")),
            coins(row.get("total")),
            coins(row.get("minted")),
            str(row.get("root") or "-")[:16],
        )
    return table


def validators_table(rows: Sequence[Plain], title: str) -> Table:
    """Who may vote with how much, and whether they signed."""
    table = headed("key", "address", "power", "vote", title=title)
    for row in rows:
        names = ("key", "address", "power", "vote")
        table.add_row(*[str(row.get(name)) for name in names])
    return table


def block_table(plain: Plain) -> Table:
    """The header's fields, then the transactions in short."""
    txs = plain.get("txs")
    rows = [row for row in txs if isinstance(row, dict)] if isinstance(txs, list) else []
    table = Table(show_header=False)
    for name, value in plain.items():
        if name == "time" and type(value) is int and value // 1_000 <= _SECONDS_MAX:
            table.add_row(name, f"{utc(value // 1_000)} ({value} ms)")
        elif name not in ("txs", "signed"):
            table.add_row(name, cell(name, value))
    table.add_row("txs", str(len(rows)), end_section=True)
    for place, row in enumerate(rows[:_TXS_SHOWN]):
        sender = short(str(row.get("sender")))
        table.add_row(
            f"tx {place}", f"{row.get('id')} {row.get('kind')} {sender} {row.get('code')}"
        )
    if len(rows) > _TXS_SHOWN:
        table.add_row("...", f"{len(rows) - _TXS_SHOWN} more; --json has all")
    return table


def headed(*names: str, title: str | None = None) -> Table:
    """An empty table with these columns."""
    table = Table(title=title, title_justify="left")
    for name in names:
        table.add_column(name)
    return table
