"""Farms: the list, and one with its nodes, its coins and its votes."""

import json
from sqlite3 import Connection, Row
from typing import Final

from tfchain.web.explorer import cells
from tfchain.web.explorer.asked import Asked
from tfchain.web.explorer.cells import coded, fact
from tfchain.web.explorer.lists import Listing, run, section_of
from tfchain.web.explorer.nodes import NODE_COLUMNS, NODES, node_row
from tfchain.web.pages import charts, parts, words
from tfchain.web.pages.parts import Exhibit, Fact, Table
from tfchain.web.pages.sections import Page, Section

PERIODS: Final = 12
_LIST: Final = """
SELECT farms.*, (SELECT count(*) FROM nodes WHERE nodes.farm_id = farms.farm_id) AS nodes,
  (SELECT gold FROM farm_standings AS s WHERE s.farm_id = farms.farm_id) AS gold
FROM farms
"""
_EARNED: Final = """
SELECT receipts.schedule, receipts.period, receipts.start, count(*) AS nodes,
  sum(receipts.amount) AS owed, sum(mints.amount) AS minted, sum(receipts.violation > 0) AS bad
FROM receipts LEFT JOIN mints USING (schedule, period, node_id)
WHERE receipts.farm_id = ? GROUP BY receipts.schedule, receipts.period
ORDER BY receipts.start DESC, receipts.schedule LIMIT ?
"""


def listed(rows: Connection, asked: Asked) -> Page:
    """In order of number."""
    listing = Listing(select=_LIST, keys=("farms.farm_id",), sorts="i", newest_first=False)
    found = run(rows, listing, asked)
    table = Table(
        id="farms-table",
        caption="Farms, in order of number",
        columns=parts.words("#Number", "~Name", "#Nodes", "Certification", "Paid to"),
        rows=[_row(row) for row in found.rows],
    )
    section = section_of(found, table, "All farms", "There are none.")
    return Page(title="Farms", over="explorer", here="farms", live=True, sections=[section])


def _row(row: Row) -> parts.Row:
    return parts.row(
        cells.farm(row["farm_id"]),
        cells.farm(row["farm_id"], row["name"]),
        f"{row['nodes']:,}",
        "gold" if row["gold"] else "none",
        cells.account(row["payout_account"]),
    )


def one(rows: Connection, asked: Asked) -> Page | None:
    """One farm."""
    number = asked.number("farm")
    row = rows.execute(f"{_LIST} WHERE farms.farm_id = ?", (number,)).fetchone()
    if row is None:
        return None
    listing = Listing(
        select=NODES,
        where="nodes.farm_id = ?",
        values=(number,),
        keys=("nodes.node_id",),
        sorts="i",
        newest_first=False,
    )
    found = run(rows, listing, asked)
    table = Table(
        id="nodes-table",
        caption="Its nodes, in order of number (UTC)",
        columns=NODE_COLUMNS,
        rows=[node_row(one, asked.now) for one in found.rows],
    )
    nodes = section_of(found, table, "Nodes", "It has none.")
    return Page(
        title=words.name(row["name"]),
        over=f"farm {row['farm_id']}",
        here="farms",
        live=True,
        sections=[
            Section(id="farm", title="The farm", facts=_facts(rows, row)),
            nodes,
            _earned(rows, row["farm_id"]),
            *_votes(rows, row["farm_id"]),
        ],
    )


def _facts(rows: Connection, row: Row) -> list[Fact]:
    number = row["farm_id"]
    stands = rows.execute("SELECT * FROM farm_standings WHERE farm_id = ?", (number,)).fetchone()
    owner = rows.execute(
        "SELECT account FROM twins WHERE twin_id = ?", (row["twin_id"],)
    ).fetchone()
    ips = rows.execute("SELECT json FROM farm_ips WHERE farm_id = ?", (number,)).fetchone()
    facts = [fact("nodes-count", "Nodes", f"{row['nodes']:,}")]
    if owner is not None:
        facts.append(coded("owner", "Owner", owner["account"], cells.account_at(owner["account"])))
    facts.append(
        coded("payout", "Paid to", row["payout_account"], cells.account_at(row["payout_account"]))
    )
    if row["stellar_address"]:
        facts.append(coded("stellar", "Stellar address", words.name(row["stellar_address"])))
    if stands is not None:
        facts += [
            fact("gold", "Certification", "gold" if stands["gold"] else "none"),
            fact("paid", "Batches in which it was paid", f"{stands['paid_batches']:,}"),
            fact("frauds", "Nodes flagged for fraud", f"{stands['frauds']:,}"),
        ]
    if ips is not None:
        count = len(json.loads(ips["json"])["ips"])
        facts.append(fact("ips", "Public addresses", f"{count:,}"))
    return facts


def _earned(rows: Connection, number: int) -> Section:
    found = rows.execute(_EARNED, (number, PERIODS)).fetchall()
    if not found:
        return Section(
            id="earned", title="Earned", told="No batch with a node of it is settled yet."
        )
    most = max(row["owed"] for row in found)
    drawn = charts.columns(
        "earned-chart",
        "Owed to the farm by batch",
        f"{len(found)} batches; the most in one is {words.tft(most)} TFT.",
        [
            charts.Bar(
                label=f"{row['schedule']}/{row['period']}",
                value=row["owed"],
                shown=words.tft(row["owed"]),
            )
            for row in reversed(found)
        ],
        f"{words.tft(most)} TFT",
    )
    table = Table(
        id="earned-table",
        caption="Batches, the newest first",
        columns=parts.words("Batch", "#Nodes", "#Violations", "#Owed (TFT)", "#Minted (TFT)"),
        rows=[
            parts.row(
                cells.batch(row["schedule"], row["period"]),
                f"{row['nodes']:,}",
                f"{row['bad']:,}",
                words.tft(row["owed"]),
                words.tft(row["minted"] or 0),
            )
            for row in found
        ],
    )
    shown = Exhibit(drawn=drawn, caption="What all its nodes together are owed.", table=table)
    return Section(id="earned", title="Earned", exhibit=shown)


def _votes(rows: Connection, number: int) -> list[Section]:
    found = rows.execute(
        "SELECT votes.*, proposals.state FROM proposals JOIN votes USING (proposal)"
        " WHERE votes.farm_id = ? ORDER BY proposal DESC LIMIT 25",
        (number,),
    ).fetchall()
    if not found:
        return []
    table = Table(
        id="votes-table",
        caption="Its votes, the newest first",
        columns=parts.words("#Proposal", "Vote", "#Weight", "#Block"),
        rows=[
            parts.row(
                parts.Cell(text=f"{row['proposal']}", href=cells.proposal_at(row["proposal"])),
                "yes" if row["yes"] else "no",
                words.units(row["weight"]),
                cells.block(row["height"]),
            )
            for row in found
        ],
    )
    return [Section(id="votes", title="Votes", table=table)]
