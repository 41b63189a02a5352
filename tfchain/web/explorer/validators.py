"""Validators: who they are, what they proposed, and which votes they missed."""

from sqlite3 import Connection, Row
from typing import Final

from tfchain.web.explorer import cells
from tfchain.web.explorer.asked import Asked
from tfchain.web.explorer.blocks import COLUMNS, block_row, faults_table
from tfchain.web.explorer.cells import coded, fact
from tfchain.web.explorer.lists import Listing, run, section_of
from tfchain.web.pages import charts, parts, words
from tfchain.web.pages.parts import Cell, Exhibit, Fact, Table
from tfchain.web.pages.sections import Page, Section

BACK: Final = 10_000
"""Blocks that proposals and missed votes are counted over: at six seconds, the last 17 hours."""
SEATS_MAX: Final = 400
_ADDRESS_CHARS: Final = 40
_COUNTED: Final = """
SELECT seats.*,
  (SELECT count(*) FROM blocks WHERE proposer = seats.validator AND height > :from) AS proposed,
  (SELECT count(*) FROM missed_votes AS m WHERE m.validator = seats.validator AND m.height > :from)
  AS missed,
  (SELECT count(*) FROM faults AS f WHERE f.validator = seats.validator) AS faults
FROM seats
"""


def _from(rows: Connection) -> int:
    last = rows.execute("SELECT max(height) AS height FROM blocks").fetchone()["height"] or 0
    return max(0, int(last) - BACK)


def listed(rows: Connection, _asked: Asked) -> Page:
    """Those with most power first."""
    first = _from(rows)
    query = f"{_COUNTED} ORDER BY power DESC, validator LIMIT :most"
    found = rows.execute(query, {"from": first, "most": SEATS_MAX}).fetchall()
    table = Table(
        id="validators-table",
        caption=f"Validators; proposals and missed votes since block {first + 1:,}",
        columns=parts.words(
            "Validator",
            "#Power",
            "#Proposals",
            "#Votes missed",
            "#Bond (TFT)",
            "Standing",
            "Rewards to",
        ),
        rows=[_row(row) for row in found],
    )
    drawn = charts.bars(
        "proposals-chart",
        "Proposals by validator",
        f"Blocks proposed since block {first + 1:,}.",
        [
            charts.Bar(
                label=cells.brief(row["validator"]),
                value=row["proposed"],
                shown=f"{row['proposed']:,} proposed, {row['missed']:,} missed",
            )
            for row in found[:24]
        ],
    )
    exhibit = Exhibit(drawn=drawn, caption="Who proposed how many of the last blocks.", table=table)
    section = Section(id="validators", title="All validators", exhibit=exhibit if found else None)
    return Page(
        title="Validators",
        over="explorer",
        here="validators",
        lead="More than two thirds of their power must sign a block before it counts.",
        live=True,
        sections=[section],
    )


def _standing(row: Row) -> Cell:
    if row["jailed"]:
        return Cell(text="jailed", tone="bad")
    if row["left"]:
        return Cell(text=f"left at {row['left']:,}", tone="warn")
    return Cell(text="votes" if row["power"] else "no power", tone="good" if row["power"] else "")


def _row(row: Row) -> parts.Row:
    return parts.row(
        cells.validator(row["validator"]),
        f"{row['power']:,}",
        f"{row['proposed']:,}",
        Cell(text=f"{row['missed']:,}", tone="warn" if row["missed"] else ""),
        words.tft(row["bond"]),
        _standing(row),
        cells.account(row["reward_account"]),
    )


def one(rows: Connection, asked: Asked) -> Page | None:
    """One validator; one that has left keeps its blocks."""
    name = asked.path["validator"]
    if len(name) != _ADDRESS_CHARS or name.strip("0123456789abcdef"):
        return None
    first = _from(rows)
    row = rows.execute(
        f"{_COUNTED} WHERE validator = :name", {"from": first, "name": name}
    ).fetchone()
    known = "SELECT 1 FROM blocks WHERE proposer = :n UNION SELECT 1 FROM missed_votes WHERE validator = :n LIMIT 1"
    if row is None and rows.execute(known, {"n": name}).fetchone() is None:
        return None
    facts = [fact("standing", "Standing", "left")] if row is None else _facts(row, first)
    return Page(
        title=cells.brief(name),
        over="validator",
        here="validators",
        code=name,
        live=True,
        sections=[
            Section(id="validator", title="The validator", facts=facts),
            _missed(rows, asked, name),
            *_faults(rows, name),
            _proposed(rows, asked, name),
        ],
    )


def _facts(row: Row, first: int) -> list[Fact]:
    return [
        fact("standing", "Standing", _standing(row).text),
        fact("power", "Power", f"{row['power']:,}"),
        fact("bond", "Bond", f"{words.tft(row['bond'])} TFT"),
        fact("proposed", f"Proposals since block {first + 1:,}", f"{row['proposed']:,}"),
        fact("missed", f"Votes missed since block {first + 1:,}", f"{row['missed']:,}"),
        coded("key", "Key", row["key"]),
        coded(
            "rewards", "Rewards to", row["reward_account"], cells.account_at(row["reward_account"])
        ),
    ]


def _missed(rows: Connection, asked: Asked, name: str) -> Section:
    listing = Listing(
        select="SELECT missed_votes.height, blocks.time_ms FROM missed_votes LEFT JOIN blocks USING (height)",
        where="missed_votes.validator = ?",
        values=(name,),
        keys=("missed_votes.height",),
        sorts="i",
    )
    found = run(rows, listing, asked, "missed")
    table = Table(
        id="votes-table",
        caption="Blocks without its vote, the newest first (UTC)",
        columns=parts.words("#Block", "Time"),
        rows=[
            parts.row(
                cells.block(row["height"]) if row["time_ms"] else f"{row['height']:,}",
                words.utc(row["time_ms"] // 1_000) if row["time_ms"] else "",
            )
            for row in found.rows
        ],
        look="narrow",
    )
    return section_of(found, table, "Votes missed", "None.")


def _faults(rows: Connection, name: str) -> list[Section]:
    found = rows.execute(
        "SELECT * FROM faults WHERE validator = ? ORDER BY height DESC LIMIT 25", (name,)
    ).fetchall()
    if not found:
        return []
    told = "Who signs two things at one place loses its vote, and its bond is burned."
    return [Section(id="faults", title="Evidence against it", told=told, table=faults_table(found))]


def _proposed(rows: Connection, asked: Asked, name: str) -> Section:
    listing = Listing(
        select="SELECT * FROM blocks",
        where="proposer = ?",
        values=(name,),
        keys=("height",),
        sorts="i",
    )
    found = run(rows, listing, asked)
    table = Table(
        id="proposals-table",
        caption="Blocks that it proposed, the newest first (UTC)",
        columns=COLUMNS,
        rows=[block_row(row) for row in found.rows],
    )
    return section_of(found, table, "Proposals", "None.")
