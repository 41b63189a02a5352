"""Nodes: the list, and one with its uptime, its receipts and what it did."""

import json
from sqlite3 import Connection, Row
from typing import Final

from tfchain.base.units import GIB
from tfchain.ledger.uptime import VIOLATIONS
from tfchain.web.explorer import cells, credited
from tfchain.web.explorer.asked import Asked
from tfchain.web.explorer.cells import coded, fact
from tfchain.web.explorer.lists import Listing, run, section_of
from tfchain.web.explorer.transactions import HEADS, transaction_row
from tfchain.web.pages import parts, words
from tfchain.web.pages.parts import Cell, Fact, Table, Verdict
from tfchain.web.pages.sections import Link, Page, Section
from tfchain.web.proxy.nodes import STANDBY_S, UP_S

NODES: Final = """
SELECT nodes.*, node.updated_at, node.power_state, node.power_target, farms.name AS farm_name
FROM nodes LEFT JOIN node ON node.node_id = nodes.node_id
LEFT JOIN farms ON farms.farm_id = nodes.farm_id
"""
NODE_COLUMNS: Final = parts.words(
    "#Node",
    "~Farm",
    "~Place",
    "#Cores",
    "#Memory (GiB)",
    "#SSD (GiB)",
    "#HDD (GiB)",
    "Status",
    "Last report",
)
_TONES: Final = {"up": "good", "standby": "warn", "down": "bad"}


def status_of(row: Row, now: int) -> str:
    """As grid-proxy's clients are told: up, asleep, or not heard of for too long."""
    on = row["power_state"] is None or (row["power_state"], row["power_target"]) == ("Up", "Up")
    heard = row["updated_at"] or 0
    if on:
        return "up" if heard >= now - UP_S else "down"
    return "standby" if heard >= now - STANDBY_S else "down"


def place_of(row: Row) -> str:
    """City and country, as far as they are told."""
    return ", ".join(words.name(part) for part in (row["city"], row["country"]) if part)


def node_row(row: Row, now: int) -> parts.Row:
    """A node in a list."""
    size = json.loads(row["json"])["resources"]
    status = status_of(row, now)
    return parts.row(
        cells.node(row["node_id"]),
        cells.farm(row["farm_id"], row["farm_name"] or ""),
        place_of(row),
        f"{int(size['cru']):,}",
        *(f"{int(size[unit]) // GIB:,}" for unit in ("mru", "sru", "hru")),
        Cell(text=status, tone=_TONES[status]),
        words.utc(row["updated_at"]) if row["updated_at"] else "never",
    )


def listed(rows: Connection, asked: Asked) -> Page:
    """In order of number; `country` shows those of one country alone."""
    country = asked.text("country")
    listing = Listing(
        select=NODES,
        where="nodes.country = ?" if country else "1",
        values=(country,) if country else (),
        keys=("nodes.node_id",),
        sorts="i",
        newest_first=False,
    )
    found = run(rows, listing, asked)
    where = f" in {words.name(country)}" if country else ""
    table = Table(
        id="nodes-table",
        caption=f"Nodes{where}, in order of number (UTC)",
        columns=NODE_COLUMNS,
        rows=[node_row(row, asked.now) for row in found.rows],
    )
    title = f"Nodes{where}" if where else "All nodes"
    shown = section_of(found, table, title, "There are none.")
    return Page(
        title="Nodes",
        over="explorer",
        here="nodes",
        live=True,
        sections=[
            shown,
            Section(id="countries", title="By country", links=_countries(rows, country)),
        ],
    )


def _countries(rows: Connection, here: str) -> list[Link]:
    found = rows.execute(
        "SELECT country, count(*) AS count FROM nodes GROUP BY country ORDER BY count DESC, country LIMIT 60"
    )
    return [
        Link(label="all", href=f"{cells.ROOT}/nodes", here=not here),
        *(
            Link(
                label=f"{words.name(row['country'])} {row['count']:,}",
                href=cells.country_at(row["country"]),
                here=row["country"] == here,
            )
            for row in found
            if row["country"]
        ),
    ]


def one(rows: Connection, asked: Asked) -> Page | None:
    """One node; one that was deleted keeps its receipts."""
    number = asked.number("node")
    row = rows.execute(f"{NODES} WHERE nodes.node_id = ?", (number,)).fetchone()
    gone = rows.execute("SELECT * FROM gone_nodes WHERE node_id = ?", (number,)).fetchone()
    if number is None or (row is None and gone is None):
        return None
    facts = [] if row is None else _facts(rows, row)
    sections = [
        *([Section(id="node", title="The machine", facts=facts)] if facts else []),
        *credited.newest(rows, number),
        _receipts(rows, asked, number),
        _transactions(rows, asked, number),
    ]
    return Page(
        title=f"Node {number}",
        over="node",
        here="nodes",
        lead="" if row is None else place_of(row),
        verdict=_verdict(row, gone, asked.now),
        live=True,
        sections=sections,
    )


def _verdict(row: Row | None, gone: Row | None, now: int) -> Verdict:
    if row is None:
        told = "" if gone is None else f"Its owner deleted it at {words.utc(gone['at'])} UTC."
        return Verdict(tone="warn", title="Gone.", told=told)
    status = status_of(row, now)
    heard = (
        f"Its last report was at {words.utc(row['updated_at'])} UTC." if row["updated_at"] else ""
    )
    return Verdict(
        tone=_TONES[status], title=f"{status.capitalize()}.", told=heard or "It has never reported."
    )


def _facts(rows: Connection, row: Row) -> list[Fact]:
    number, size = row["node_id"], json.loads(row["json"])["resources"]
    terms = rows.execute("SELECT * FROM terms WHERE node_id = ?", (number,)).fetchone()
    uptime = rows.execute("SELECT * FROM uptimes WHERE node_id = ?", (number,)).fetchone()
    facts = [
        fact(
            "farm",
            "Farm",
            words.name(row["farm_name"] or f"{row['farm_id']}"),
            cells.farm_at(row["farm_id"]),
        ),
        fact("cores", "Cores", f"{int(size['cru']):,}"),
        fact("memory", "Memory", f"{int(size['mru']) // GIB:,} GiB"),
        fact("ssd", "SSD", f"{int(size['sru']) // GIB:,} GiB"),
        fact("hdd", "HDD", f"{int(size['hru']) // GIB:,} GiB"),
        fact("certified", "Certified", "yes" if row["certified"] else "no"),
        fact("created", "Registered", f"{words.utc(row['created'])} UTC"),
    ]
    if terms is not None:
        facts += _terms(terms)
    if uptime is not None:
        facts.append(
            coded(
                "reporter",
                "Reports are signed by",
                uptime["reporter"],
                cells.account_at(uptime["reporter"]),
            )
        )
        power = json.loads(uptime["json"])["power"]
        wish = "up" if power["target_up"] else "asleep"
        facts.append(
            fact("power", "Power", f"{'up' if power['state_up'] else 'asleep'}, wanted {wish}")
        )
    return facts


def _terms(terms: Row) -> list[Fact]:
    held = json.loads(terms["json"])
    facts = [
        fact(
            "policy",
            "Farming policy",
            f"{terms['policy_id']}, regime {terms['regime']}, schedule {terms['schedule']}",
        ),
        fact("price", "TFT price it registered at", f"{words.usd(terms['connection_price'])} USD"),
    ]
    if held.get("cu") is not None:
        facts.append(fact("cu", "Compute units", words.units(int(held["cu"]))))
        facts.append(fact("su", "Storage units", words.units(int(held["su"]))))
    return facts


def _receipts(rows: Connection, asked: Asked, number: int) -> Section:
    listing = Listing(
        select="SELECT receipts.*, mints.amount AS minted, mints.height AS mint_height FROM receipts"
        " LEFT JOIN mints USING (schedule, period, node_id)",
        where="receipts.node_id = ?",
        values=(number,),
        keys=("receipts.start", "receipts.schedule"),
        sorts="ii",
    )
    found = run(rows, listing, asked, "receipts")
    table = Table(
        id="receipts-table",
        caption="Receipts, the newest first (UTC)",
        columns=parts.words(
            "Statement",
            "Batch",
            "=Period",
            "#Uptime (s)",
            "#Owed (TFT)",
            "#Minted (TFT)",
            "#Block",
            "Remark",
        ),
        rows=[_receipt_row(row) for row in found.rows],
    )
    return section_of(found, table, "Receipts", "No period of it is settled yet.")


def _receipt_row(row: Row) -> parts.Row:
    return parts.row(
        Cell(text="open", href=cells.statement_at(row["node_id"], row["start"])),
        cells.batch(row["schedule"], row["period"]),
        words.period(row["start"], row["end"]),
        f"{row['uptime']:,}",
        words.tft(row["amount"]),
        "" if row["minted"] is None else words.tft(row["minted"]),
        cells.maybe_block(row["mint_height"]),
        remark(row),
    )


def remark(row: Row) -> Cell:
    """Why a receipt pays nothing, or what the node did against the rules."""
    if row["violation"]:
        return Cell(text=VIOLATIONS[row["violation"]], tone="bad")
    return Cell(text=row["reason"] or "", tone="warn")


def _transactions(rows: Connection, asked: Asked, number: int) -> Section:
    listing = Listing(
        select="SELECT transactions.* FROM node_txs JOIN transactions USING (height, position)",
        where="node_txs.node_id = ?",
        values=(number,),
        keys=("node_txs.height", "node_txs.position"),
        sorts="ii",
    )
    found = run(rows, listing, asked)
    table = Table(
        id="transactions-table",
        caption="Transactions that name it, the newest first",
        columns=HEADS,
        rows=[transaction_row(row) for row in found.rows],
    )
    return section_of(found, table, "Transactions", "None names it.")
