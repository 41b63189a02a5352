"""Blocks: the list, one block with its transactions, and the blocks that minted."""

from sqlite3 import Connection, Row
from typing import Final

from tfchain.base.units import MS_PER_S
from tfchain.web.explorer import cells
from tfchain.web.explorer.asked import Asked
from tfchain.web.explorer.cells import coded, fact
from tfchain.web.explorer.lists import Listing, run
from tfchain.web.explorer.transactions import HEADS, transaction_row
from tfchain.web.pages import charts, parts, words
from tfchain.web.pages.parts import Cell, Exhibit, Fact, Table
from tfchain.web.pages.sections import Link, Page, Section

COLUMNS: Final = parts.words("#Height", "=Time", "#Transactions", "#Refused", "#Missed", "Proposer")
TXS_MAX: Final = 100
"""Transactions of a block on one page; the rest are on the next."""


def time_of(row: Row) -> str:
    """When a block was made, by two thirds of the validators."""
    return words.utc(row["time_ms"] // MS_PER_S)


def block_row(row: Row) -> parts.Row:
    """A block in a list."""
    refused, missed = row["refused"], row["missed"]
    return parts.row(
        cells.block(row["height"]),
        time_of(row),
        f"{row['txs']:,}",
        Cell(text=f"{refused:,}" if refused else "", tone="bad"),
        Cell(text=f"{missed:,}" if missed else "", tone="warn"),
        cells.validator(row["proposer"]),
    )


def listed(rows: Connection, asked: Asked) -> Page:
    """The newest first."""
    listing = Listing(select="SELECT * FROM blocks", keys=("height",), sorts="i")
    found = run(rows, listing, asked)
    table = Table(
        id="blocks-table",
        caption="Blocks, the newest first (UTC)",
        columns=COLUMNS,
        rows=[block_row(row) for row in found.rows],
    )
    return Page(
        title="Blocks",
        over="explorer",
        here="blocks",
        live=found.first,
        sections=[Section(id="blocks", title="All blocks", table=table, pager=found.pager)],
    )


def one(rows: Connection, asked: Asked) -> Page | None:
    """One block; None where there is none of that height."""
    height = asked.number("height")
    row = rows.execute("SELECT * FROM blocks WHERE height = ?", (height,)).fetchone()
    if row is None:
        return None
    listing = Listing(
        select="SELECT * FROM transactions",
        where="height = ?",
        values=(height,),
        keys=("position",),
        sorts="i",
        newest_first=False,
    )
    found = run(rows, listing, asked, most=TXS_MAX)
    table = Table(
        id="transactions-table",
        caption="Transactions, in the order in which they were executed",
        columns=HEADS,
        rows=[transaction_row(one) for one in found.rows],
    )
    txs = Section(id="transactions", title="Transactions", table=table, pager=found.pager)
    if not found.rows:
        txs = Section(id="transactions", title="Transactions", told="It holds none.")
    sections = [
        Section(id="block", title="The block", facts=_facts(row), pager=_beside(rows, row)),
        txs,
        *_missed(rows, row["height"]),
        *_faults(rows, row["height"]),
    ]
    return Page(
        title=f"Block {row['height']:,}",
        over="block",
        here="blocks",
        code=row["id"],
        sections=sections,
    )


def _facts(row: Row) -> list[Fact]:
    votes = "known with the next block"
    if row["signed"] is not None:
        votes = f"{row['signed']:,} signed, {row['missed']:,} missed, in round {row['round']}"
    refused = f", {row['refused']:,} of them refused" if row["refused"] else ""
    facts = [
        fact("time", "Time", f"{time_of(row)} UTC"),
        coded("proposer", "Proposer", row["proposer"], cells.validator_at(row["proposer"])),
        fact("votes", "Votes", votes),
        fact("txs", "Transactions", f"{row['txs']:,}{refused}"),
        fact("fees", "Fees, to the proposer", f"{words.tft(row['fees'])} TFT"),
        fact("bytes", "Size", f"{row['bytes']:,} bytes"),
        coded("state-root", "State root after it", row["state_root"]),
    ]
    if row["minted"]:
        facts.insert(4, fact("minted", "Minted", f"{words.tft(row['minted'])} TFT"))
    return facts


def _beside(rows: Connection, row: Row) -> list[Link]:
    height = row["height"]
    there = "SELECT 1 FROM blocks WHERE height = ?"
    links = []
    if rows.execute(there, (height - 1,)).fetchone():
        links.append(Link(label=f"Block {height - 1:,}", href=cells.block_at(height - 1)))
    if row["signed"] is not None and rows.execute(there, (height + 1,)).fetchone():
        links.append(Link(label=f"Block {height + 1:,}", href=cells.block_at(height + 1)))
    return links


def _missed(rows: Connection, height: int) -> list[Section]:
    found = rows.execute(
        "SELECT validator FROM missed_votes WHERE height = ?", (height,)
    ).fetchall()
    if not found:
        return []
    table = Table(
        id="missed-table",
        caption="Validators whose vote is not in the commit",
        columns=parts.words("Validator"),
        rows=[parts.row(cells.validator(row["validator"])) for row in found],
        look="narrow",
    )
    return [Section(id="missed", title="Votes missed", table=table)]


def _faults(rows: Connection, height: int) -> list[Section]:
    found = rows.execute(
        "SELECT * FROM faults WHERE height = ? ORDER BY place", (height,)
    ).fetchall()
    if not found:
        return []
    return [Section(id="faults", title="Evidence", table=faults_table(found))]


def faults_table(found: list[Row]) -> Table:
    """Who signed two things at one place."""
    return Table(
        id="faults-table",
        caption="Validators that signed twice",
        columns=parts.words("#Block", "Validator", "Signed two", "#Height", "#Round"),
        rows=[
            parts.row(
                cells.block(row["height"]),
                cells.validator(row["validator"]),
                Cell(text=row["twice"], tone="bad"),
                f"{row['fault_height']:,}",
                f"{row['fault_round']:,}",
            )
            for row in found
        ],
    )


def minting(rows: Connection, asked: Asked) -> Page:
    """The blocks in which coins came into being."""
    listing = Listing(
        select="SELECT DISTINCT height FROM transactions",
        where="kind IN ('mint', 'mint_fixup')",
        keys=("height",),
        sorts="i",
    )
    found = run(rows, listing, asked)
    marks = ", ".join("?" * len(found.rows))
    heights = [row["height"] for row in found.rows]
    query = f"SELECT * FROM blocks WHERE height IN ({marks}) ORDER BY height DESC"
    blocks = rows.execute(query, heights).fetchall()
    section = Section(id="minting", title="Minting blocks", told="No coin was minted yet.")
    if blocks:
        section = _minting(rows, blocks, found.pager)
    return Page(
        title="Minting blocks",
        over="explorer",
        here="minting",
        lead="Coins come into being in transactions that nobody sends: they stand first in their blocks,"
        " and every validator derives the same.",
        live=found.first,
        sections=[section],
    )


def _minting(rows: Connection, blocks: list[Row], pager: tuple[Link, ...]) -> Section:
    most = max(row["minted"] for row in blocks)
    drawn = charts.columns(
        "minting-chart",
        "Coins minted by block",
        f"{len(blocks)} blocks, of which the largest minted {words.tft(most)} TFT.",
        [
            charts.Bar(
                label=f"{row['height']:,}", value=row["minted"], shown=words.tft(row["minted"])
            )
            for row in reversed(blocks)
        ],
        f"{words.tft(most)} TFT",
    )
    table = Table(
        id="minting-table",
        caption="Blocks that minted, the newest first (UTC)",
        columns=parts.words("#Height", "=Time", "#Payouts", "#Minted (TFT)", "Batches"),
        rows=[_minting_row(rows, row) for row in blocks],
    )
    shown = Exhibit(drawn=drawn, caption="Coins minted in each of these blocks.", table=table)
    return Section(id="minting", title="Minting blocks", exhibit=shown, pager=pager)


def _minting_row(rows: Connection, row: Row) -> parts.Row:
    paid = rows.execute(
        "SELECT schedule, period, count(*) AS nodes FROM mints WHERE height = ?"
        " GROUP BY schedule, period ORDER BY schedule, period",
        (row["height"],),
    ).fetchall()
    fixed = rows.execute(
        "SELECT count(*) FROM fixup_mints WHERE height = ?", (row["height"],)
    ).fetchone()[0]
    named = Cell(text="")
    if len(paid) == 1:
        named = cells.batch(paid[0]["schedule"], paid[0]["period"])
    elif paid:
        named = Cell(text=", ".join(f"{one['schedule']}/{one['period']}" for one in paid))
    return parts.row(
        cells.block(row["height"]),
        time_of(row),
        f"{sum(one['nodes'] for one in paid) + fixed:,}",
        words.tft(row["minted"]),
        named,
    )
