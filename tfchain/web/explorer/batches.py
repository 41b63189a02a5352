"""Batches: each period of each schedule, with its proof-of-capacity hash and what it paid."""

from collections.abc import Sequence
from sqlite3 import Connection, Row
from typing import Final

from markupsafe import Markup

from tfchain.web.explorer import cells
from tfchain.web.explorer.asked import Asked
from tfchain.web.explorer.lists import Listing, run
from tfchain.web.pages import charts, parts, words
from tfchain.web.pages.parts import Exhibit, Table
from tfchain.web.pages.parts import Row as Line
from tfchain.web.pages.sections import Page, Section

TABLE: Final = parts.words("Batch", "=Period", "State", "#Receipts", "#Owed (TFT)", "#Minted (TFT)")


def batch_row(row: Row) -> Line:
    """A batch in a list."""
    shown = parts.row(
        cells.batch(row["schedule"], row["period"]),
        words.period(row["start"], row["end"]),
        cells.state(row["state"]),
        f"{row['count']:,}",
        words.tft(row["total"]),
        words.tft(row["minted"]),
    )
    if not row["root"]:
        return shown
    return Line(
        cells=shown.cells,
        under=row["root"],
        under_label="Proof of capacity",
        under_href=cells.batch_at(row["schedule"], row["period"]),
    )


def listed(rows: Connection, asked: Asked) -> Page:
    """The newest first."""
    listing = Listing(
        select="SELECT * FROM batches", keys=('"end"', "schedule", "period"), sorts="iii"
    )
    found = run(rows, listing, asked)
    section = Section(
        id="batches", title="All batches", told="There are none yet.", pager=found.pager
    )
    if found.rows:
        table = Table(
            id="batches-table",
            caption="Batches, the newest first (UTC)",
            columns=TABLE,
            rows=[batch_row(row) for row in found.rows],
        )
        exhibit = Exhibit(
            drawn=_chart(found.rows), caption="Owed by batch, the newest on the right.", table=table
        )
        section = Section(id="batches", title="All batches", exhibit=exhibit, pager=found.pager)
    return Page(
        title="Batches",
        over="explorer",
        here="batches",
        lead="A batch is one period of one schedule. Its proof-of-capacity hash is the Merkle root over its receipts"
        " in node order; guardians compute it alone, and coins come once more than two thirds say the same.",
        live=found.first,
        sections=[section],
    )


def _chart(found: Sequence[Row]) -> Markup:
    most = max(row["total"] for row in found)
    return charts.columns(
        "batches-chart",
        "Owed by batch",
        f"{len(found)} batches; the most in one is {words.tft(most)} TFT.",
        [
            charts.Bar(
                label=f"{row['schedule']}/{row['period']}",
                value=row["total"],
                shown=words.tft(row["total"]),
            )
            for row in reversed(found)
        ],
        f"{words.tft(most)} TFT",
    )
