"""Coins over time: how many came into being, how many were burned, how many there may be."""

from sqlite3 import Connection, Row
from typing import Final

from tfchain.web.explorer import cells
from tfchain.web.explorer.asked import Asked
from tfchain.web.explorer.cells import fact
from tfchain.web.explorer.lists import Listing, run
from tfchain.web.pages import charts, parts, words
from tfchain.web.pages.parts import Exhibit, Fact, Table
from tfchain.web.pages.sections import Page, Section

POINTS: Final = 16
_AT: Final = "SELECT * FROM supply WHERE height <= ? ORDER BY height DESC LIMIT 1"


def page(rows: Connection, asked: Asked) -> Page:
    """The whole history in a few points, then every change."""
    listing = Listing(select="SELECT * FROM supply", keys=("height",), sorts="i")
    found = run(rows, listing, asked)
    sections = [Section(id="coins", title="Coins", told="There is no chain yet.")]
    now = rows.execute("SELECT * FROM supply ORDER BY height DESC LIMIT 1").fetchone()
    if now is not None:
        table = Table(
            id="changes-table",
            caption="Every change, the newest first (UTC)",
            columns=parts.words(
                "#Block", "=Time", "#Minted ever (TFT)", "#Owed and reserved (TFT)", "#Burned (TFT)"
            ),
            rows=[_row(row) for row in found.rows],
        )
        sections = [
            Section(id="coins", title="Coins", facts=_facts(rows, now)),
            Section(id="history", title="Over time", exhibit=_history(rows)),
            Section(id="changes", title="Changes", table=table, pager=found.pager),
        ]
    return Page(
        title="Supply",
        over="explorer",
        here="supply",
        lead="Coins are there at the genesis, and come into being by mints alone. There are never more than the cap.",
        live=found.first,
        sections=sections,
    )


def _facts(rows: Connection, now: Row) -> list[Fact]:
    cap = rows.execute("SELECT supply_cap FROM params").fetchone()["supply_cap"]
    first = rows.execute("SELECT * FROM supply ORDER BY height LIMIT 1").fetchone()
    there = now["minted_ever"] - now["burned"]
    return [
        fact("there", "There are", f"{words.tft(there)} TFT"),
        fact("first", "Of them when this record began", f"{words.tft(first['minted_ever'])} TFT"),
        fact(
            "minted", "Minted since", f"{words.tft(now['minted_ever'] - first['minted_ever'])} TFT"
        ),
        fact("burned", "Burned", f"{words.tft(now['burned'])} TFT"),
        fact("reserved", "Reserved for approved batches", f"{words.tft(now['reserved'])} TFT"),
        fact("cap", "There may be", f"{words.tft(cap)} TFT"),
    ]


def _history(rows: Connection) -> Exhibit:
    """As many blocks apart each time."""
    last = rows.execute("SELECT max(height) AS height FROM blocks").fetchone()["height"] or 0
    heights = sorted({last * place // (POINTS - 1) for place in range(POINTS)})
    points = [
        (height, row) for height in heights if (row := rows.execute(_AT, (height,)).fetchone())
    ]
    coins = [(height, row["minted_ever"] - row["burned"]) for height, row in points]
    least = min(amount for _, amount in coins)
    most = max(amount for _, amount in coins)
    floor = least - (most - least) // 3 if most > least else 0
    drawn = charts.columns(
        "supply-chart",
        "Coins over time",
        f"From {words.tft(coins[0][1])} TFT at block {coins[0][0]:,} to {words.tft(coins[-1][1])} TFT"
        f" at block {coins[-1][0]:,}.",
        [
            charts.Bar(label=f"{height:,}", value=amount - floor, shown=words.tft(amount))
            for height, amount in coins
        ],
        f"{words.tft(most)} TFT",
    )
    table = Table(
        id="history-table",
        caption="Coins at some heights",
        columns=parts.words("#Block", "#Coins (TFT)", "#Burned (TFT)"),
        rows=[
            parts.row(
                cells.block(height) if height else "genesis",
                words.tft(row["minted_ever"] - row["burned"]),
                words.tft(row["burned"]),
            )
            for height, row in points
        ],
    )
    base = f" The columns stand on {words.tft(floor)} TFT." if floor else ""
    return Exhibit(drawn=drawn, caption=f"Coins from the genesis until now.{base}", table=table)


def _row(row: Row) -> parts.Row:
    return parts.row(
        cells.block(row["height"]) if row["height"] else "genesis",
        words.utc(row["time"]),
        words.tft(row["minted_ever"]),
        words.tft(row["reserved"]),
        words.tft(row["burned"]),
    )
