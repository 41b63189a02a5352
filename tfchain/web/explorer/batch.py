"""One batch: its hash, who committed and attested what and when, its receipts and its payouts."""

import json
from collections.abc import Sequence
from sqlite3 import Connection, Row
from typing import Any, Final

from tfchain.ledger import minting
from tfchain.ledger.minting import COMMIT, STATES
from tfchain.ledger.uptime import VIOLATIONS
from tfchain.web.explorer import cells
from tfchain.web.explorer.asked import Asked
from tfchain.web.explorer.cells import coded, fact
from tfchain.web.explorer.lists import Listing, run, section_of
from tfchain.web.explorer.nodes import remark
from tfchain.web.pages import charts, parts, words
from tfchain.web.pages.parts import Cell, Exhibit, Fact, Table, Verdict
from tfchain.web.pages.sections import Link, Page, Section

_MEANT: Final = {
    minting.OPEN: ("warn", "The period goes on, and nodes report."),
    minting.POST: ("warn", "The period is over; reports about it are still taken."),
    minting.COMMIT: ("warn", "Guardians compute it alone, and commit to what they have."),
    minting.SETTLING: ("warn", "The ledger computes the receipts, some in each block."),
    minting.SEALED: ("warn", "The receipts are fixed; guardians say whether they have the same."),
    minting.APPROVED: (
        "good",
        "More than two thirds of the guardians have the same; coins come soon.",
    ),
    minting.PAYING: ("good", "Coins are coming into being."),
    minting.PAID: ("good", "Every coin of it has come into being."),
    minting.DISPUTED: ("bad", "Guardians have something else: nothing is paid until a vote."),
    minting.VOID: ("bad", "A vote made it void: nothing is paid."),
}
_SAID: Final = """
SELECT who.value AS guardian, c.height AS committed, a.height AS attested, a.root, a.total, a.count,
  d.height AS disputed
FROM json_each(?) AS who
LEFT JOIN commitments AS c ON c.schedule = :s AND c.period = :p AND c.guardian = who.value
LEFT JOIN attestations AS a ON a.schedule = :s AND a.period = :p AND a.guardian = who.value
LEFT JOIN disputes AS d ON d.schedule = :s AND d.period = :p AND d.guardian = who.value
ORDER BY who.value
"""
_KINDS: Final = """
SELECT violation, count(*) AS count FROM receipts
WHERE schedule = ? AND period = ? AND violation > 0 GROUP BY violation ORDER BY count DESC, violation
"""
_REASONS: Final = """
SELECT reason, count(*) AS count FROM receipts
WHERE schedule = ? AND period = ? AND violation = 0 AND reason <> '' GROUP BY reason
ORDER BY count DESC, reason LIMIT 25
"""
_BLOCKS: Final = """
SELECT mints.height, count(*) AS nodes, sum(mints.amount) AS amount FROM mints
WHERE schedule = ? AND period = ? GROUP BY mints.height ORDER BY mints.height LIMIT 100
"""


def one(rows: Connection, asked: Asked) -> Page | None:
    """The batch of a schedule and a period."""
    name = asked.number("schedule"), asked.number("period")
    row = rows.execute("SELECT * FROM batches WHERE schedule = ? AND period = ?", name).fetchone()
    if row is None:
        return None
    held = json.loads(row["json"])
    return Page(
        title=f"Batch {row['schedule']}/{row['period']}",
        over="batch",
        here="batches",
        verdict=_standing(row),
        lead=f"{words.period(row['start'], row['end'])} UTC",
        live=True,
        sections=[
            Section(id="batch", title="The batch", facts=_facts(rows, row)),
            _life(rows, row),
            _guardians(rows, row, held),
            *_kinds(rows, row),
            _receipts(rows, asked, row),
            *_payouts(rows, row),
        ],
    )


def _standing(row: Row) -> Verdict:
    """What its state means."""
    tone, told = _MEANT[row["state"]]
    return Verdict(tone=tone, title=f"{STATES[row['state']].capitalize()}.", told=told)


def _facts(rows: Connection, row: Row) -> list[Fact]:
    facts = []
    if row["root"]:
        facts += [
            coded("root", "Proof of capacity", row["root"]),
            fact("count", "Receipts", f"{row['count']:,}"),
            fact("total", "Owed", f"{words.tft(row['total'])} TFT"),
            fact("payable", "Payable, by the cap", f"{words.tft(row['payable'])} TFT"),
            fact("minted", "Minted", f"{words.tft(row['minted'])} TFT"),
        ]
    for name, label in (
        ("commit_until", "Commitments until"),
        ("attest_until", "Attestations until"),
        ("pay_at", "Paid from"),
    ):
        if row[name]:
            facts.append(fact(name.replace("_", "-"), label, f"{words.utc(row[name])} UTC"))
    ruling = rows.execute(
        "SELECT * FROM rulings WHERE schedule = ? AND period = ?", (row["schedule"], row["period"])
    ).fetchone()
    if ruling is not None:
        what = "void, nothing is paid" if ruling["void"] else "approved by vote"
        facts.append(fact("ruling", "Ruling", what, cells.proposal_at(ruling["proposal"])))
    return facts


def _life(rows: Connection, row: Row) -> Section:
    found = rows.execute(
        "SELECT * FROM batch_moves WHERE schedule = ? AND period = ? ORDER BY height, state",
        (row["schedule"], row["period"]),
    ).fetchall()
    table = Table(
        id="life-table",
        caption="When it came to each state (UTC)",
        columns=parts.words("State", "#Block", "Time"),
        rows=[
            parts.row(
                cells.state(one["state"]), cells.maybe_block(one["height"]), words.utc(one["time"])
            )
            for one in found
        ],
        look="narrow",
    )
    return Section(id="life", title="Its life", table=table)


def _guardians(rows: Connection, row: Row, held: dict[str, Any]) -> Section:
    named = held["guardians"]
    if not named:
        book = rows.execute("SELECT json FROM guardians").fetchone()
        named = [] if book is None else json.loads(book["json"])["accounts"]
    parameters = {"s": row["schedule"], "p": row["period"]}
    query = _SAID.replace("json_each(?)", "json_each(:who)")
    found = rows.execute(query, {**parameters, "who": json.dumps(named)}).fetchall()
    late = {one["guardian"] for one in held["answers"] if one["late"]}
    table = Table(
        id="guardians-table",
        caption="Guardians: who committed and attested what, and in which block",
        columns=parts.words(
            "Guardian", "#Committed in", "#Attested in", "Said", "=Root", "#Total (TFT)"
        ),
        rows=[_guardian_row(row, one, one["guardian"] in late) for one in found],
    )
    told = "Each commits to a salted hash of its own result before the ledger shows one, and reveals it afterwards."
    return Section(id="guardians", title="Guardians", told=told, table=table)


def _guardian_row(row: Row, said: Row, late: bool) -> parts.Row:
    return parts.row(
        cells.account(said["guardian"]),
        cells.maybe_block(said["committed"]),
        cells.maybe_block(said["attested"]),
        _verdict(row, said, late=late),
        Cell(text=cells.brief(said["root"]), code=True) if said["root"] else "",
        "" if said["total"] is None else words.tft(said["total"]),
    )


def _verdict(row: Row, said: Row, *, late: bool) -> Cell:
    if said["root"] is None:
        if row["state"] < COMMIT:
            return Cell(text="not asked yet", tone="quiet")
        return Cell(text="committed" if said["committed"] else "nothing", tone="quiet")
    own = (row["root"], row["total"], row["count"])
    if (said["root"], said["total"], said["count"]) != own:
        return Cell(text="differs" + (", names nodes" if said["disputed"] else ""), tone="bad")
    return Cell(text="agrees, late" if late else "agrees", tone="good")


def _kinds(rows: Connection, row: Row) -> list[Section]:
    if not row["count"]:
        return []
    name = (row["schedule"], row["period"])
    kinds, reasons = rows.execute(_KINDS, name).fetchall(), rows.execute(_REASONS, name).fetchall()
    counts = [(VIOLATIONS[one["violation"]], one["count"], "bad") for one in kinds]
    counts += [(words.name(one["reason"]), one["count"], "warn") for one in reasons]
    if not counts:
        told = "No receipt has a violation, and every node is paid."
        return [Section(id="violations", title="Violations", told=told)]
    drawn = charts.bars(
        "violations-chart",
        "Receipts that pay nothing, by why",
        f"{sum(count for _, count, _ in counts):,} of {row['count']:,} receipts.",
        [
            charts.Bar(label=name, value=count, shown=f"{count:,}", tone=tone)
            for name, count, tone in counts
        ],
    )
    table = Table(
        id="violations-table",
        caption="Receipts that pay nothing, by why",
        columns=parts.words("Why", "#Receipts"),
        rows=[parts.row(Cell(text=name, tone=tone), f"{count:,}") for name, count, tone in counts],
        look="narrow",
    )
    exhibit = Exhibit(
        drawn=drawn, caption="Red: a violation. The others are other reasons.", table=table
    )
    return [Section(id="violations", title="Violations and unpaid nodes", exhibit=exhibit)]


def _receipts(rows: Connection, asked: Asked, row: Row) -> Section:
    listing = Listing(
        select="SELECT receipts.*, mints.amount AS minted, mints.height AS mint_height FROM receipts"
        " LEFT JOIN mints USING (schedule, period, node_id)",
        where="receipts.schedule = ? AND receipts.period = ?",
        values=(row["schedule"], row["period"]),
        keys=("receipts.node_id",),
        sorts="i",
        newest_first=False,
    )
    found = run(rows, listing, asked)
    table = Table(
        id="receipts-table",
        caption="Receipts and payouts, in node order: each is a leaf under the hash",
        columns=parts.words(
            "Receipt",
            "#Node",
            "#Farm",
            "#Uptime (s)",
            "#Owed (TFT)",
            "#Minted (TFT)",
            "#Block",
            "Paid to",
            "Remark",
        ),
        rows=[_receipt_row(one) for one in found.rows],
    )
    return section_of(found, table, "Receipts", "The ledger has not settled it yet.")


def _receipt_row(row: Row) -> parts.Row:
    return parts.row(
        Cell(
            text=cells.brief(row["id"]),
            code=True,
            href=cells.statement_at(row["node_id"], row["start"]),
        ),
        cells.node(row["node_id"]),
        cells.farm(row["farm_id"]),
        f"{row['uptime']:,}",
        words.tft(row["amount"]),
        "" if row["minted"] is None else words.tft(row["minted"]),
        cells.maybe_block(row["mint_height"]),
        cells.account(row["account"]),
        remark(row),
    )


def _payouts(rows: Connection, row: Row) -> list[Section]:
    found: Sequence[Row] = rows.execute(_BLOCKS, (row["schedule"], row["period"])).fetchall()
    if not found:
        return []
    table = Table(
        id="payouts-table",
        caption="Blocks in which its coins came into being",
        columns=parts.words("#Block", "#Nodes", "#Minted (TFT)"),
        rows=[
            parts.row(cells.block(one["height"]), f"{one['nodes']:,}", words.tft(one["amount"]))
            for one in found
        ],
        look="narrow",
    )
    links = [Link(label="All blocks that minted", href=f"{cells.ROOT}/minting")]
    return [Section(id="payouts", title="Payouts", table=table, pager=links)]
