"""A statement as a page: one file that needs no network and runs nothing, for a farmer to keep.

Built as the audit's page is: the template escapes what strangers named, and forbids itself scripts.
"""

from typing import Final

from tfchain import __version__
from tfchain.base.address import to_text
from tfchain.chain.receipts import receipt_id, v3_text
from tfchain.chain.statement import Statement
from tfchain.chain.statement_lines import Line
from tfchain.cli.report import rows
from tfchain.cli.report.node_tables import farm_name
from tfchain.cli.report.page import template
from tfchain.ledger.minting import STATES
from tfchain.ledger.uptime import VIOLATIONS
from tfchain.rules.receipt_text import receipt_hash
from tfchain.rules.regime import LOCKS
from tfchain.web.pages import words
from tfchain.web.pages.parts import Cell, Fact, Row, Table, Tile, Verdict, left_out, row
from tfchain.web.pages.parts import words as columns

LINE_ROWS: Final = 5_000
"""Rows of a table at most; a node that reports every 40 minutes has 1,100 a month."""
_REPORT: Final = "report"


def statement_page(found: Statement) -> str:
    """The page of a node's period."""
    batch, receipt = found.batch, found.receipt
    return template("statement.html.j2").render(
        chain_id=words.name(found.chain_id),
        version=__version__,
        node=receipt.node_id,
        farm=farm_name(receipt),
        name=f"{batch.schedule}/{batch.period}",
        span=words.period(receipt.start, receipt.end),
        verdict=_verdict(found),
        tiles=_tiles(found),
        money=_money(found),
        payout=_payout(found),
        down=_down_table(found),
        power=_power_table(found),
        lines=_lines_table(found),
        height=found.height,
        settled=found.settled,
    )


def _verdict(found: Statement) -> Verdict:
    receipt = found.receipt
    if receipt.violation:
        told = f"{rows.evidence(receipt)}. Times in seconds since 1970."
        title = f"Violation: {VIOLATIONS[receipt.violation]}."
        return Verdict(tone="bad", title=title, told=told if receipt.evidence else "")
    if not found.settled:
        told = f"Were the period to end at block {found.height:,}, this is what it would come to."
        return Verdict(tone="warn", title="Not settled yet.", told=told)
    if receipt.reason:
        return Verdict(tone="warn", title="Not paid.", told=f"The reason: {receipt.reason}.")
    return Verdict(tone="good", title="Settled.", told=f"The batch is {STATES[found.batch.state]}.")


def _tiles(found: Statement) -> list[Tile]:
    receipt = found.receipt
    return [
        Tile(id="n-credited", label="Seconds credited", number=f"{found.credited:,}"),
        Tile(id="n-uptime", label="Uptime", number=words.percent(receipt.uptime_permille)),
        Tile(id="n-tft", label="Owed", number=words.tft(receipt.amount), unit="TFT"),
    ]


def _money(found: Statement) -> list[Fact]:
    receipt = found.receipt
    return [
        Fact(id="cu", label="Compute units", text=words.units(receipt.cu)),
        Fact(id="su", label="Storage units", text=words.units(receipt.su)),
        Fact(id="nu", label="Network units", text=words.units(receipt.nu)),
        Fact(id="full", label="At full uptime", text=f"{words.usd(receipt.base_musd)} USD"),
        Fact(id="least", label="Least uptime paid", text=words.percent(receipt.floor_permille)),
        Fact(id="usd", label="By its uptime", text=f"{words.usd(receipt.musd)} USD"),
        Fact(id="price", label="Price", text=f"{words.usd(receipt.connection_price)} USD a TFT"),
        Fact(id="owed", label="Owed", text=f"{words.tft(receipt.amount)} TFT"),
        Fact(id="reason", label="Reason if unpaid", text=receipt.reason or "none"),
        Fact(id="lock", label="Coins are", text=LOCKS[receipt.lock]),
    ]


def _payout(found: Statement) -> list[Fact]:
    receipt, mint, payout = found.receipt, found.mint, found.payout
    facts = [Fact(id="account", label="Paid to", text=to_text(receipt.account), code=True)]
    if mint is not None:
        facts.append(Fact(id="minted", label="Minted", text=f"{words.tft(mint.amount)} TFT"))
        facts.append(Fact(id="block", label="Block", text=f"{mint.height:,}"))
    if payout is not None:
        transaction = payout.transaction.hex()
        facts.append(Fact(id="date", label="Date", text=f"{words.utc(payout.time)} UTC"))
        facts.append(Fact(id="transaction", label="Transaction", text=transaction, code=True))
    if found.settled:
        leaf, text = receipt_id(receipt).hex(), receipt_hash(v3_text(receipt)).hex()
        facts.append(Fact(id="leaf", label="Receipt on the ledger", text=leaf, code=True))
        facts.append(Fact(id="text", label="Hash of its text", text=text, code=True))
    return facts


def _down_table(found: Statement) -> Table | None:
    if not found.downtimes:
        return None
    shown = [
        row(words.utc(since), words.utc(until), f"{until - since:,}")
        for since, until in found.downtimes[:LINE_ROWS]
    ]
    return Table(
        id="down-table",
        caption="Times that nothing is credited for (UTC)",
        columns=columns("From", "To", "#Seconds"),
        rows=shown,
        more=left_out(len(shown), len(found.downtimes), "the CSV"),
        look="narrow",
    )


def _power_table(found: Statement) -> Table | None:
    """Sleeps, wakes and wishes, and the reports that ended a sleep, each with its verdict."""
    ends = ("slept", "slow boot")
    told = [line for line in found.lines if line.what != _REPORT or line.verdict.startswith(ends)]
    if not told:
        return None
    return Table(
        id="power-table",
        caption="Sleeps and wakes (UTC)",
        columns=columns("At", "#Block", "What", "#Credited", "Verdict"),
        rows=[_power_row(line) for line in told[:LINE_ROWS]],
        more=left_out(min(len(told), LINE_ROWS), len(told), "the CSV"),
    )


def _power_row(line: Line) -> Row:
    return row(
        words.utc(line.at), f"{line.height:,}", line.what, f"{line.credited:,}", _judged(line)
    )


def _judged(line: Line) -> Cell:
    bad = ("violation", "refused", "slow boot", "slept too long", "down")
    return Cell(text=line.verdict, tone="bad" if line.verdict.startswith(bad) else "")


def _lines_table(found: Statement) -> Table | None:
    if not found.lines:
        return None
    shown = found.lines[:LINE_ROWS]
    return Table(
        id="lines-table",
        caption="Every report and every change of power (UTC)",
        columns=columns(
            "At", "#Block", "What", "#Uptime said", "=Credited", "#Seconds", "#So far", "Verdict"
        ),
        rows=[_line_row(line) for line in shown],
        more=left_out(len(shown), len(found.lines), "the CSV"),
    )


def _line_row(line: Line) -> Row:
    return row(
        words.utc(line.at),
        f"{line.height:,}",
        line.what,
        "" if line.uptime is None else f"{line.uptime:,}",
        words.period(line.since, line.until) if line.credited else "",
        f"{line.credited:,}",
        f"{line.total:,}",
        _judged(line),
    )
