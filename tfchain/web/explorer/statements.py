"""A statement: what a node reported in one period, what it was credited, what that came to."""

import json
from collections.abc import Sequence
from sqlite3 import Connection, Row
from typing import Any, Final

from tfchain.ledger.uptime import VIOLATIONS
from tfchain.web.explorer import cells, credited
from tfchain.web.explorer.asked import Asked
from tfchain.web.explorer.cells import coded, fact
from tfchain.web.explorer.credited import Period, Span
from tfchain.web.explorer.lists import Listing, run, section_of
from tfchain.web.pages import parts, words
from tfchain.web.pages.parts import Cell, Fact, Table, Verdict
from tfchain.web.pages.sections import Link, Page, Section

SPANS_MAX: Final = 400
LINES: Final = 50
_BAD: Final = ("violation", "refused", "slow boot", "slept too long", "down")


def one(rows: Connection, asked: Asked) -> Page | None:
    """The statement of the period that begins then."""
    node, start = asked.number("node"), asked.number("start")
    if node is None or start is None:
        return None
    period = credited.period_of(rows, node, start)
    if period is None:
        return None
    spans = credited.spans_of(credited.lines_of(rows, node, start))
    receipt = rows.execute(
        "SELECT receipts.*, batches.state, mints.amount AS minted, mints.height AS mint_height"
        " FROM receipts LEFT JOIN batches USING (schedule, period)"
        " LEFT JOIN mints USING (schedule, period, node_id) WHERE node_id = ? AND receipts.start = ?",
        (node, start),
    ).fetchone()
    return Page(
        title=f"Node {node}, {words.period(period.start, period.end)}",
        over="statement",
        here="nodes",
        verdict=_verdict(receipt),
        live=receipt is None,
        sections=[
            *_money(receipt),
            _strip(spans, period),
            _gaps(spans, period),
            credited.section(node, period, spans, leading=False),
            _lines(rows, asked, node, start),
            *_text(receipt),
            Section(
                id="more",
                title="More",
                pager=[Link(label=f"Node {node}", href=cells.node_at(node))],
            ),
        ],
    )


def _verdict(receipt: Row | None) -> Verdict:
    if receipt is None:
        return Verdict(tone="warn", title="Not settled yet.", told="What is here may still grow.")
    if receipt["violation"]:
        return Verdict(
            tone="bad",
            title=f"Violation: {VIOLATIONS[receipt['violation']]}.",
            told="Nothing is paid.",
        )
    if receipt["reason"]:
        return Verdict(tone="warn", title="Not paid.", told=f"The reason: {receipt['reason']}.")
    return Verdict(
        tone="good", title="Settled.", told=f"{words.tft(receipt['amount'])} TFT are owed."
    )


def _money(receipt: Row | None) -> list[Section]:
    if receipt is None:
        return []
    held = json.loads(receipt["json"])
    return [Section(id="worth", title="What it came to", facts=_facts(receipt, held))]


def _facts(receipt: Row, held: dict[str, Any]) -> list[Fact]:
    facts = [
        fact(
            "batch",
            "Batch",
            f"{receipt['schedule']}/{receipt['period']}",
            cells.batch_at(receipt["schedule"], receipt["period"]),
        ),
        fact(
            "uptime", "Uptime", f"{receipt['uptime']:,} s, {words.percent(held['uptime_permille'])}"
        ),
        fact("least", "Least uptime paid", words.percent(held["floor_permille"])),
        fact("cu", "Compute units", words.units(int(held["cu"]))),
        fact("su", "Storage units", words.units(int(held["su"]))),
        fact("nu", "Network units", words.units(int(held["nu"]))),
        fact("full", "At full uptime", f"{words.usd(int(held['base_musd']))} USD"),
        fact("usd", "By its uptime", f"{words.usd(receipt['musd'])} USD"),
        fact("price", "Price", f"{words.usd(int(held['connection_price']))} USD a TFT"),
        fact("owed", "Owed", f"{words.tft(receipt['amount'])} TFT"),
        coded("account", "Paid to", receipt["account"], cells.account_at(receipt["account"])),
    ]
    if receipt["mint_height"]:
        height = receipt["mint_height"]
        facts.append(
            fact(
                "minted",
                "Minted",
                f"{words.tft(receipt['minted'])} TFT in block {height:,}",
                cells.block_at(height),
            )
        )
    facts += [
        coded("leaf", "Receipt on the ledger", receipt["id"]),
        coded("hash", "Hash of its text", receipt["text_hash"]),
    ]
    return facts


def _strip(spans: Sequence[Span], period: Period) -> Section:
    shown = spans[:SPANS_MAX]
    count = "one interval" if len(spans) == 1 else f"{len(spans):,} intervals"
    told = f"{sum(span.seconds for span in spans):,} seconds, in {count}."
    table = Table(
        id="credited-table",
        caption="Credited intervals (UTC)",
        columns=parts.words("From", "To", "#Seconds"),
        rows=[_span_row(span, span.seconds) for span in shown],
        more=parts.left_out(len(shown), len(spans), "the lines below"),
        look="narrow",
    )
    return Section(
        id="credited",
        title="Credited intervals",
        told=told,
        drawn=credited.strip(
            "credited", "Credited intervals along the period", told, shown, period
        ),
        table=table if spans else None,
    )


def _gaps(spans: Sequence[Span], period: Period) -> Section:
    found = credited.gaps_of(spans, period)
    if not found:
        return Section(id="down", title="Downtime", told="Every second is credited.")
    shown = found[:SPANS_MAX]
    table = Table(
        id="down-table",
        caption="Times that nothing is credited for (UTC)",
        columns=parts.words("From", "To", "#Seconds"),
        rows=[_span_row(span, span.until - span.since) for span in shown],
        more=parts.left_out(len(shown), len(found), "the lines below"),
        look="narrow",
    )
    return Section(id="down", title="Downtime", table=table)


def _span_row(span: Span, seconds: int) -> parts.Row:
    return parts.row(words.utc(span.since), words.utc(span.until), f"{seconds:,}")


def _lines(rows: Connection, asked: Asked, node: int, start: int) -> Section:
    listing = Listing(
        select="SELECT * FROM lines",
        where="node_id = ? AND start = ?",
        values=(node, start),
        keys=("height", "position"),
        sorts="ii",
        newest_first=False,
    )
    found = run(rows, listing, asked, most=LINES)
    table = Table(
        id="lines-table",
        caption="Every report and every change of power (UTC)",
        columns=parts.words(
            "At", "#Block", "What", "#Uptime said", "=Credited", "#Seconds", "#So far", "Verdict"
        ),
        rows=[_line_row(row) for row in found.rows],
    )
    return section_of(found, table, "Line by line", "Nothing was reported.")


def _line_row(row: Row) -> parts.Row:
    return parts.row(
        words.utc(row["at"]),
        cells.block(row["height"]),
        row["what"],
        "" if row["uptime"] is None else f"{row['uptime']:,}",
        words.period(row["since"], row["until"]) if row["credited"] else "",
        f"{row['credited']:,}",
        f"{row['total']:,}",
        Cell(text=row["verdict"], tone="bad" if row["verdict"].startswith(_BAD) else ""),
    )


def _text(receipt: Row | None) -> list[Section]:
    if receipt is None:
        return []
    told = "As the public minting program writes it; its hash is over these very bytes."
    return [Section(id="text", title="The receipt's text", told=told, text=receipt["text"])]
