"""A review as sections of a page: what was computed here, beside what others say of the period."""

from collections.abc import Iterator
from dataclasses import fields

from tfchain.base.address import to_text
from tfchain.chain.review import Difference, Review, Said, Sum, differing
from tfchain.ledger.minting import COMMIT, SEALED, STATES, Receipt
from tfchain.ledger.uptime import VIOLATIONS
from tfchain.rules.schedule import REGIMES
from tfchain.web.explorer import cells
from tfchain.web.explorer.cells import coded, fact
from tfchain.web.pages import charts, parts, words
from tfchain.web.pages.parts import Cell, Exhibit, Fact, Row, Table, Verdict
from tfchain.web.pages.sections import Section

ROWS_MAX = 500
"""Rows of a table; `tfchain guardian review --json` has all of them."""
_MORE = "tfchain guardian review --json"
_NAMES = tuple(field.name for field in fields(Receipt))


def verdict_of(review: Review) -> Verdict:
    """Whether the ledger has what was computed here."""
    batch = review.batch
    if not batch.root:
        told = f"The batch is {STATES[batch.state]}: the ledger has shown no root yet."
        return Verdict(tone="warn", title="Not sealed.", told=told)
    if review.agrees:
        return Verdict(tone="good", title="Equal.", told="The ledger has what was computed here.")
    told = f"The ledger has something else: {len(review.differences):,} receipts differ."
    return Verdict(tone="bad", title="Not equal.", told=told)


def sections_of(review: Review) -> list[Section]:
    """All that a guardian looks at before it signs (rules.md 8)."""
    return [
        Section(id="roots", title="Here and on the ledger", table=_sides(review)),
        _differences(review),
        Section(id="totals", title="Totals", facts=_totals(review), table=_regimes(review)),
        _largest(review),
        _moved(review),
        _violations(review),
        Section(id="guardians", title="Guardians", table=_guardians(review)),
    ]


def _sides(review: Review) -> Table:
    mine, batch = review.mine, review.batch
    sealed = bool(batch.root)
    rows = [
        ("Proof of capacity", mine.root.hex(), batch.root.hex()),
        ("Total (TFT)", words.tft(mine.total), words.tft(batch.total)),
        ("Receipts", f"{mine.count:,}", f"{batch.count:,}"),
    ]
    return Table(
        id="roots-table",
        caption="What was computed here, beside what the ledger has sealed",
        columns=parts.words("What", "=Computed here", "=Ledger"),
        rows=[_side(label, here, there if sealed else "") for label, here, there in rows],
        look="sides",
    )


def _side(label: str, here: str, there: str) -> Row:
    tone = "" if not there else "good" if here == there else "bad"
    long = len(here) == 64
    return parts.row(
        label,
        Cell(text=here, code=long),
        Cell(text=there or "not shown yet", code=long and bool(there), tone=tone),
    )


def _differences(review: Review) -> Section:
    if review.batch.state < SEALED:
        told = "They are shown once the batch is sealed."
        return Section(id="differences", title="Differences", told=told)
    if not review.differences:
        told = "None: every receipt is the same here and on the ledger."
        return Section(id="differences", title="Differences", told=told)
    rows = [row for one in review.differences for row in _difference(one)]
    table = Table(
        id="differences-table",
        caption="Receipts that differ, field by field",
        columns=parts.words("#Node", "Field", "=Computed here", "=Ledger"),
        rows=rows[:ROWS_MAX],
        more=parts.left_out(min(len(rows), ROWS_MAX), len(rows), _MORE),
        look="sides",
    )
    told = f"{len(review.differences):,} receipts differ."
    return Section(id="differences", title="Differences", told=told, table=table)


def _difference(one: Difference) -> Iterator[Row]:
    node = cells.node(one.node_id)
    if one.mine is None or one.ledger is None:
        here, there = (_brief(row) for row in (one.mine, one.ledger))
        yield parts.row(node, "receipt", Cell(text=here, tone="bad"), Cell(text=there, tone="bad"))
        return
    for name in differing(one):
        here, there = (_field(getattr(row, name)) for row in (one.mine, one.ledger))
        yield parts.row(
            node, name.replace("_", " "), Cell(text=here, tone="bad"), Cell(text=there, tone="bad")
        )


def _brief(row: Receipt | None) -> str:
    if row is None:
        return "no receipt"
    return f"{row.uptime:,} s, {words.tft(row.amount)} TFT"


def _field(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if type(value) is int:
        return f"{value:,}"
    return words.name(str(value))


def _totals(review: Review) -> list[Fact]:
    supply, last = review.supply, review.last
    facts = [
        fact("now", "This period", _sum(review.now)),
        fact(
            "before",
            "The last one",
            "there is none" if last is None else f"{last}: {_sum(review.before)}",
        ),
        fact("supply-before", "Coins before it", f"{words.tft(supply.before)} TFT"),
        fact("supply-after", "Coins after it", f"{words.tft(supply.after)} TFT"),
        fact("supply-cap", "There may be", f"{words.tft(supply.cap)} TFT"),
    ]
    ruling = review.ruling
    if ruling is not None:
        what = "void" if ruling.void else "approved"
        facts.append(fact("ruling", "Ruling", what, cells.proposal_at(ruling.proposal)))
    return facts


def _sum(of: Sum) -> str:
    return f"{of.nodes:,} nodes, {of.paid:,} paid, {words.tft(of.amount)} TFT, {words.usd(of.musd)} USD"


def _regimes(review: Review) -> Table:
    return Table(
        id="regimes-table",
        caption="By regime, with the last period",
        columns=parts.words("Regime", "#Nodes", "#Paid", "#Owed (TFT)", "#Last (TFT)"),
        rows=[
            parts.row(
                REGIMES[row.regime].name,
                f"{row.now.nodes:,}",
                f"{row.now.paid:,}",
                words.tft(row.now.amount),
                words.tft(row.before.amount),
            )
            for row in review.regimes
        ],
    )


def _largest(review: Review) -> Section:
    if not review.largest:
        return Section(id="largest", title="Largest payouts", told="Nothing is paid.")
    drawn = charts.bars(
        "largest-chart",
        "Largest payouts",
        f"The {len(review.largest)} largest.",
        [
            charts.Bar(label=f"node {row.node_id}", value=row.amount, shown=words.tft(row.amount))
            for row in review.largest
        ],
    )
    table = Table(
        id="largest-table",
        caption="The largest payouts, in TFT",
        columns=parts.words("#Node", "#Farm", "#Uptime (s)", "#Owed (TFT)"),
        rows=[
            parts.row(
                cells.node(row.node_id),
                cells.farm(row.farm_id),
                f"{row.uptime:,}",
                words.tft(row.amount),
            )
            for row in review.largest
        ],
    )
    shown = Exhibit(drawn=drawn, caption="What the nodes with most are owed.", table=table)
    return Section(id="largest", title="Largest payouts", exhibit=shown)


def _moved(review: Review) -> Section:
    if not review.moved:
        told = "None: every node's pay stayed within half of what it was, or there is no period before."
        return Section(id="moved", title="Pay that moved by more than half", told=told)
    table = Table(
        id="moved-table",
        caption="Nodes whose pay moved by more than half",
        columns=parts.words("#Node", "#Farm", "#Before (TFT)", "#Now (TFT)"),
        rows=[
            parts.row(
                cells.node(row.node_id),
                cells.farm(row.farm_id),
                words.tft(row.before),
                words.tft(row.now),
            )
            for row in review.moved[:ROWS_MAX]
        ],
        more=parts.left_out(min(len(review.moved), ROWS_MAX), len(review.moved), _MORE),
    )
    return Section(id="moved", title="Pay that moved by more than half", table=table)


def _violations(review: Review) -> Section:
    if not review.violations:
        return Section(id="violations", title="Violations", told="None.")
    table = Table(
        id="violations-table",
        caption="Nodes with a violation, and the numbers that show it",
        columns=parts.words("#Node", "#Farm", "Violation", "=Evidence"),
        rows=[
            parts.row(
                cells.node(row.node_id),
                cells.farm(row.farm_id),
                Cell(text=VIOLATIONS[row.violation], tone="bad"),
                ", ".join(f"{number}" for number in row.evidence),
            )
            for row in review.violations[:ROWS_MAX]
        ],
        more=parts.left_out(min(len(review.violations), ROWS_MAX), len(review.violations), _MORE),
    )
    return Section(id="violations", title="Violations", table=table)


def _guardians(review: Review) -> Table:
    return Table(
        id="guardians-table",
        caption="What each guardian has said so far",
        columns=parts.words("Guardian", "Said", "=Root", "Names nodes"),
        rows=[_said(review, one) for one in review.said],
    )


def _said(review: Review, one: Said) -> Row:
    who, said = cells.account(to_text(one.guardian)), one.attestation
    if said is None:
        known = "has committed" if one.committed else "has said nothing"
        return parts.row(who, known if review.batch.state >= COMMIT else "is not asked yet", "", "")
    late = ", late" if one.late else ""
    verdict = Cell(text=f"as the ledger{late}", tone="good")
    if not one.agrees:
        verdict = Cell(text=f"differs{late}", tone="bad")
    named = ", ".join(f"{node.node_id}" for node in one.named)
    return parts.row(who, verdict, Cell(text=cells.brief(said.root.hex()), code=True), named)


def facts_of(review: Review) -> list[Fact]:
    """Which batch, of which chain, and as of when."""
    batch = review.batch
    return [
        fact("chain", "Chain", words.name(review.chain_id)),
        fact("period", "Period", f"{words.period(batch.start, batch.end)} UTC"),
        fact("state", "State", STATES[batch.state], cells.batch_at(batch.schedule, batch.period)),
        fact("height", "Computed up to block", f"{review.height:,}, {words.utc(review.time)} UTC"),
        coded("mine", "Root computed here", review.mine.root.hex()),
    ]
