"""The first page: where the chain stands, and what happened last."""

from sqlite3 import Connection, Row
from typing import Final

from tfchain.base.units import MS_PER_S
from tfchain.web.explorer import cells
from tfchain.web.explorer.asked import Asked
from tfchain.web.explorer.batches import TABLE, batch_row
from tfchain.web.explorer.blocks import COLUMNS, block_row
from tfchain.web.explorer.transactions import HEADS, transaction_row
from tfchain.web.pages import charts, words
from tfchain.web.pages.parts import Exhibit, Table, Tile
from tfchain.web.pages.sections import Link, Page, Section
from tfchain.web.proxy.nodes import STATUS

BLOCKS: Final = 12
LAST: Final = 6
_COUNTS: Final = f"""
SELECT (SELECT count(*) FROM farms) AS farms, (SELECT count(*) FROM nodes) AS nodes,
  (SELECT count(*) FROM accounts) AS accounts, (SELECT minted_ever - burned FROM supply
  ORDER BY height DESC LIMIT 1) AS coins, (SELECT count(*) FROM seats WHERE power > 0) AS validators,
  (SELECT count(*) FROM node WHERE {STATUS} = 'up') AS up
"""


def page(rows: Connection, asked: Asked) -> Page:
    """Tiles, the newest blocks as a chart and as a table, transactions and batches."""
    blocks = rows.execute("SELECT * FROM blocks ORDER BY height DESC LIMIT ?", (BLOCKS,)).fetchall()
    counts = rows.execute(_COUNTS, {"now": asked.now}).fetchone()
    return Page(
        title="Overview",
        over="explorer",
        here="overview",
        lead="Signed transactions go into signed blocks, and whoever has the blocks can recompute every coin.",
        live=True,
        sections=[
            Section(id="glance", title="At a glance", tiles=_tiles(blocks, counts)),
            _blocks(blocks),
            _transactions(rows),
            _batches(rows),
        ],
    )


def _tiles(blocks: list[Row], counts: Row) -> list[Tile]:
    last = blocks[0] if blocks else None
    height = 0 if last is None else last["height"]
    coins, units = words.tft(counts["coins"] or 0).split(".")
    return [
        Tile(id="n-height", label="Height", number=f"{height:,}"),
        Tile(id="n-pace", label="Time between blocks", number=_pace(blocks), unit="s"),
        Tile(
            id="n-nodes",
            label="Nodes up",
            number=f"{counts['up']:,}",
            unit=f"of {counts['nodes']:,}",
        ),
        Tile(id="n-farms", label="Farms", number=f"{counts['farms']:,}"),
        Tile(id="n-accounts", label="Accounts", number=f"{counts['accounts']:,}"),
        Tile(id="n-validators", label="Validators", number=f"{counts['validators']:,}"),
        Tile(id="n-coins", label="Coins", number=coins, fraction=f".{units}", unit="TFT"),
    ]


def _pace(blocks: list[Row]) -> str:
    """The mean of the last few, with one decimal."""
    if len(blocks) < 2:
        return "\N{EN DASH}"
    tenths = (blocks[0]["time_ms"] - blocks[-1]["time_ms"]) * 10 // (len(blocks) - 1) // MS_PER_S
    return f"{tenths // 10}.{tenths % 10}"


def _blocks(blocks: list[Row]) -> Section:
    most = max((row["txs"] for row in blocks), default=0)
    drawn = charts.columns(
        "blocks-chart",
        "Transactions in the newest blocks",
        f"The last {len(blocks)} blocks hold {most} transactions at most.",
        [
            charts.Bar(label=f"{row['height']:,}", value=row["txs"], shown=f"{row['txs']}")
            for row in reversed(blocks)
        ],
        f"{most} transactions",
    )
    table = Table(
        id="blocks-table",
        caption="The newest blocks (UTC)",
        columns=COLUMNS,
        rows=[block_row(row) for row in blocks],
    )
    return Section(
        id="blocks",
        title="Blocks",
        exhibit=Exhibit(
            drawn=drawn, caption="Transactions a block, the newest on the right.", table=table
        ),
        pager=[Link(label="All blocks", href=f"{cells.ROOT}/blocks")],
    )


def _transactions(rows: Connection) -> Section:
    found = rows.execute(
        "SELECT * FROM transactions ORDER BY height DESC, position DESC LIMIT ?", (LAST,)
    )
    table = Table(
        id="transactions-table",
        caption="The newest transactions",
        columns=HEADS,
        rows=[transaction_row(row) for row in found],
    )
    return Section(
        id="transactions",
        title="Transactions",
        table=table,
        pager=[Link(label="All transactions", href=f"{cells.ROOT}/transactions")],
    )


def _batches(rows: Connection) -> Section:
    found = rows.execute('SELECT * FROM batches ORDER BY "end" DESC, schedule LIMIT ?', (LAST,))
    table = Table(
        id="batches-table",
        caption="The newest batches (UTC)",
        columns=TABLE,
        rows=[batch_row(row) for row in found],
    )
    return Section(
        id="batches",
        title="Batches",
        told="A batch is one period of one schedule: its receipts, and the coins that they are owed.",
        table=table,
        pager=[Link(label="All batches", href=f"{cells.ROOT}/batches")],
    )
