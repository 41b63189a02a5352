"""Accounts: the list by what they hold, and one with its coins, its farms and what it did."""

from sqlite3 import Connection, Row
from typing import Final

from tfchain.web.explorer import cells
from tfchain.web.explorer.asked import Asked
from tfchain.web.explorer.bodies import is_address
from tfchain.web.explorer.cells import fact
from tfchain.web.explorer.lists import Listing, run, section_of
from tfchain.web.explorer.transactions import HEADS, transaction_row
from tfchain.web.pages import parts, words
from tfchain.web.pages.parts import Cell, Fact, Table, Tile
from tfchain.web.pages.sections import Page, Section

OWNED_MAX: Final = 100
"""Farms, or nodes, of one account that its page lists."""


def listed(rows: Connection, asked: Asked) -> Page:
    """Those with most coins first."""
    listing = Listing(select="SELECT * FROM accounts", keys=("balance", "account"), sorts="it")
    found = run(rows, listing, asked)
    table = Table(
        id="accounts-table",
        caption="Accounts, those with most coins first",
        columns=parts.words("Account", "#Balance (TFT)", "#Transactions paid for"),
        rows=[
            parts.row(cells.account(row["account"]), words.tft(row["balance"]), f"{row['nonce']:,}")
            for row in found.rows
        ],
    )
    return Page(
        title="Accounts",
        over="explorer",
        here="accounts",
        live=found.first,
        sections=[Section(id="accounts", title="All accounts", table=table, pager=found.pager)],
    )


def one(rows: Connection, asked: Asked) -> Page | None:
    """One account; every address has a page, whether or not the ledger knows it yet."""
    name = asked.path["account"]
    if not is_address(name):
        return None
    row = rows.execute("SELECT * FROM accounts WHERE account = ?", (name,)).fetchone()
    held = rows.execute("SELECT * FROM holdings WHERE account = ?", (name,)).fetchone()
    facts = _roles(rows, name)
    sections = [
        Section(id="coins", title="Coins", tiles=_tiles(row, held)),
        *([Section(id="roles", title="What it is", facts=facts)] if facts else []),
        *_farms(rows, name),
        _transactions(rows, asked, name),
        _mints(rows, asked, name),
    ]
    return Page(
        title=cells.brief(name),
        over="account",
        here="accounts",
        code=name,
        live=True,
        sections=sections,
    )


def _tiles(row: Row | None, held: Row | None) -> list[Tile]:
    balance = 0 if row is None else row["balance"]
    locked = 0 if held is None else held["locked"]
    coins, units = words.tft(balance).split(".")
    return [
        Tile(
            id="n-sent",
            label="Transactions paid for",
            number=f"{0 if row is None else row['nonce']:,}",
        ),
        Tile(id="n-locked", label="Of it locked", number=words.tft(locked), unit="TFT"),
        Tile(id="n-balance", label="Balance", number=coins, fraction=f".{units}", unit="TFT"),
    ]


def _roles(rows: Connection, name: str) -> list[Fact]:
    facts = [
        fact(
            f"twin-{row['twin_id']}",
            "Twin",
            f"{row['twin_id']}, relay {words.name(row['relay'] or 'none')}",
        )
        for row in rows.execute("SELECT * FROM twins WHERE account = ? LIMIT 10", (name,))
    ]
    facts += [
        fact("seat", "Rewards of validator", row["validator"], cells.validator_at(row["validator"]))
        for row in rows.execute(
            "SELECT validator FROM seats WHERE reward_account = ? LIMIT 1", (name,)
        )
    ]
    query = "SELECT 1 FROM guardians, json_each(guardians.json, '$.accounts') AS one WHERE one.value = ?"
    if rows.execute(query, (name,)).fetchone():
        facts.append(fact("guardian", "Guardian", "checks every batch, and attests it"))
    return facts


def _farms(rows: Connection, name: str) -> list[Section]:
    found = rows.execute(
        "SELECT farm_id, name, payout_account FROM farms WHERE payout_account = :name OR twin_id IN"
        " (SELECT twin_id FROM twins WHERE account = :name) ORDER BY farm_id LIMIT :most",
        {"name": name, "most": OWNED_MAX},
    ).fetchall()
    if not found:
        return []
    table = Table(
        id="farms-table",
        caption="Farms that it owns, or that are paid to it",
        columns=parts.words("#Farm", "~Name", "Paid to it"),
        rows=[
            parts.row(
                cells.farm(row["farm_id"]),
                cells.farm(row["farm_id"], row["name"]),
                "yes" if row["payout_account"] == name else "no",
            )
            for row in found
        ],
    )
    return [Section(id="farms", title="Farms", table=table)]


def _transactions(rows: Connection, asked: Asked, name: str) -> Section:
    listing = Listing(
        select="SELECT transactions.* FROM account_txs JOIN transactions USING (height, position)",
        where="account_txs.account = ?",
        values=(name,),
        keys=("account_txs.height", "account_txs.position"),
        sorts="ii",
    )
    found = run(rows, listing, asked)
    table = Table(
        id="transactions-table",
        caption="Transactions that it sent or is named in, the newest first",
        columns=HEADS,
        rows=[transaction_row(row) for row in found.rows],
    )
    return section_of(found, table, "Transactions", "None that it sent, and none that names it.")


def _mints(rows: Connection, asked: Asked, name: str) -> Section:
    listing = Listing(
        select="SELECT * FROM mints",
        where="account = ?",
        values=(name,),
        keys=("schedule", "period", "node_id"),
        sorts="iii",
    )
    found = run(rows, listing, asked, "paid")
    table = Table(
        id="mints-table",
        caption="Payouts, the newest first",
        columns=parts.words("Batch", "#Node", "#Block", "#Owed (TFT)", "#Minted (TFT)"),
        rows=[
            parts.row(
                cells.batch(row["schedule"], row["period"]),
                cells.node(row["node_id"]),
                cells.block(row["height"]),
                words.tft(row["owed"]),
                Cell(text=words.tft(row["amount"])),
            )
            for row in found.rows
        ],
    )
    return section_of(found, table, "Coins minted to it", "None.")
