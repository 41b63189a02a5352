"""Transactions: the list, and one with everything that it says."""

from sqlite3 import Connection, Row
from typing import Final

from tfchain.base.units import MS_PER_S
from tfchain.tx.registry import KINDS, name_of
from tfchain.web.explorer import bodies, cells
from tfchain.web.explorer.asked import Asked
from tfchain.web.explorer.cells import coded, fact
from tfchain.web.explorer.lists import Listing, run, section_of
from tfchain.web.pages import parts, words
from tfchain.web.pages.parts import Fact, Table, Verdict
from tfchain.web.pages.sections import Link, Page, Section

HEADS: Final = parts.words("Id", "#Block", "Kind", "Sender", "#Fee (TFT)", "Result")
_NAMES: Final = tuple(sorted(name_of(kind) for kind in KINDS))


def transaction_row(row: Row) -> parts.Row:
    """A transaction in a list."""
    return parts.row(
        cells.transaction(row["id"]),
        cells.block(row["height"]),
        row["kind"],
        cells.account(row["sender"]),
        words.tft(row["fee"]) if row["fee"] else "free",
        cells.code(row["code"]),
    )


def listed(rows: Connection, asked: Asked) -> Page:
    """The newest first; `kind` shows those of one kind alone."""
    kind = asked.word("kind")
    listing = Listing(
        select="SELECT * FROM transactions",
        where="kind = ?" if kind else "1",
        values=(kind,) if kind else (),
        keys=("height", "position"),
        sorts="ii",
    )
    found = run(rows, listing, asked)
    table = Table(
        id="transactions-table",
        caption=f"Transactions{f' of kind {kind}' if kind else ''}, the newest first",
        columns=HEADS,
        rows=[transaction_row(row) for row in found.rows],
    )
    section = section_of(found, table, kind or "All transactions", "There are none.")
    kinds = Section(id="kinds", title="By kind", links=_kinds(kind))
    return Page(
        title="Transactions",
        over="explorer",
        here="transactions",
        live=found.first,
        sections=[section, kinds],
    )


def _kinds(kind: str) -> list[Link]:
    at = f"{cells.ROOT}/transactions"
    return [
        Link(label="all", href=at, here=not kind),
        *(Link(label=name, href=f"{at}?kind={name}", here=name == kind) for name in _NAMES),
    ]


def one(rows: Connection, asked: Asked) -> Page | None:
    """One transaction, by its id."""
    row = rows.execute(
        "SELECT transactions.*, blocks.time_ms FROM transactions LEFT JOIN blocks USING (height)"
        " WHERE transactions.id = ? ORDER BY height LIMIT 1",
        (asked.path["id"],),
    ).fetchone()
    if row is None:
        return None
    took_effect = row["code"] == "ok"
    facts, tables = bodies.told(row["body"], leading=took_effect)
    sections = [
        Section(id="envelope", title="The transaction", facts=_facts(row)),
        Section(
            id="body",
            title="What it asks for" if row["sender"] else "What the ledger did",
            facts=facts,
            told="" if facts or tables else "Nothing but what its kind says.",
        ),
        *(Section(id=table.id, title=table.caption, table=table) for table in tables),
    ]
    return Page(
        title=row["kind"],
        over="transaction",
        here="transactions",
        code=row["id"],
        verdict=_verdict(row["code"]),
        sections=sections,
    )


def _verdict(code: str) -> Verdict:
    if code == "ok":
        return Verdict(tone="good", title="Done.", told="It took effect.")
    told = f"{code}: it stands in its block and changed nothing but its sender's nonce and fee."
    return Verdict(tone="bad", title="Refused.", told=told)


def _facts(row: Row) -> list[Fact]:
    facts = [
        fact(
            "block",
            "Block",
            f"{row['height']:,}, place {row['position']}",
            cells.block_at(row["height"]),
        ),
    ]
    if row["time_ms"] is not None:
        facts.append(fact("time", "Time", f"{words.utc(row['time_ms'] // MS_PER_S)} UTC"))
    if row["sender"] is None:
        facts.append(fact("sender", "Sender", "the ledger itself"))
    else:
        facts += [
            coded("sender", "Sender", row["sender"], cells.account_at(row["sender"])),
            fact("nonce", "Nonce", f"{row['nonce']:,}"),
            fact("fee", "Fee", f"{words.tft(row['fee'])} TFT" if row["fee"] else "free"),
            fact("valid", "Valid until block", f"{row['valid_until']:,}"),
        ]
    return [*facts, fact("size", "Size", f"{row['bytes']:,} bytes")]
