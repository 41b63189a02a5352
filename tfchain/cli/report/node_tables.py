"""Tables and charts about nodes and farms: who is paid how much, and who is not, and why."""

from typing import Final

from tfchain.base.address import to_text
from tfchain.cli.report import rows
from tfchain.cli.report.batch_tables import batch_name
from tfchain.cli.report.figures import FARM_ROWS, Farm, Figures, Moved
from tfchain.cli.report.settled import Settled
from tfchain.ledger.minting import Receipt
from tfchain.ledger.uptime import VIOLATIONS
from tfchain.rules.regime import (
    BELOW_SLA,
    NO_UPTIME,
    NOTHING_OWED,
    OUT_OF_RANGE,
    VIOLATION,
    VIRTUALIZED,
    ZERO_PRICE,
)
from tfchain.web.pages import charts
from tfchain.web.pages.parts import Cell, Exhibit, Row, Table, left_out, row, words
from tfchain.web.pages.words import name, percent, tft

BARS: Final = 10
"""Bars of a chart at most; the table beside it goes on."""
_FLOOR: Final = 950
"""Least per mille that any node of the standard policies is paid from."""
_REASONS: Final = {
    BELOW_SLA: "up, but less than its agreement asks for",
    NO_UPTIME: "no uptime at all",
    VIOLATION: "a violation",
    VIRTUALIZED: "a virtual machine",
    ZERO_PRICE: "no price of TFT when it connected",
    OUT_OF_RANGE: "figures beyond any machine",
    NOTHING_OWED: "too small to be worth a unit",
}


def farm_name(receipt: Receipt) -> str:
    """The farm as a table shows it."""
    return f"{name(receipt.farm_name)}\N{NO-BREAK SPACE}({receipt.farm_id})"


def _batch(receipt: Receipt) -> str:
    return batch_name(receipt.schedule, receipt.period)


def largest_exhibit(figures: Figures) -> Exhibit | None:
    """The payouts that are worth a look each."""
    if not figures.largest:
        return None
    found = [
        charts.Bar(
            label=f"Node {line.receipt.node_id}, batch {_batch(line.receipt)}",
            value=line.pay,
            shown=tft(line.pay),
        )
        for line in figures.largest
    ]
    table = Table(
        id="largest-table",
        caption="Largest payouts",
        columns=words("Batch", "#Node", "~Farm", "#TFT", "=Paid to"),
        rows=[_largest_row(line) for line in figures.largest],
        more=left_out(len(figures.largest), figures.paid, "payouts.csv"),
    )
    first = figures.largest[0]
    told = f"The largest is {tft(first.pay)} TFT, for node {first.receipt.node_id}."
    return Exhibit(
        drawn=charts.bars("largest-chart", "Largest payouts in TFT", told, found),
        caption="TFT for a node and a batch.",
        table=table,
    )


def _largest_row(line: Settled) -> Row:
    receipt = line.receipt
    return row(
        _batch(receipt),
        str(receipt.node_id),
        farm_name(receipt),
        tft(line.pay),
        Cell(text=to_text(receipt.account), code=True),
    )


def farms_exhibit(figures: Figures) -> Exhibit | None:
    """Pay per farm, over all batches."""
    farms = figures.ranked_farms()
    if not farms:
        return None
    found = [
        charts.Bar(label=name(farm.name), value=farm.pay, shown=tft(farm.pay))
        for farm in farms[:BARS]
    ]
    table = Table(
        id="farms-table",
        caption="Farms by their pay over all batches",
        columns=words("#Farm", "~Name", "#Nodes", "#Owed (TFT)", "#Pay (TFT)"),
        rows=[_farm_row(farm) for farm in farms[:FARM_ROWS]],
        more=left_out(min(len(farms), FARM_ROWS), len(farms), "overview.csv"),
    )
    told = f"{len(farms)} farms; the first has {tft(farms[0].pay)} TFT of {tft(figures.pay)}."
    return Exhibit(
        drawn=charts.bars("farms-chart", "Pay per farm in TFT", told, found),
        caption=f"TFT over all batches, the first {len(found)} of {len(farms)} farms.",
        table=table,
    )


def _farm_row(farm: Farm) -> Row:
    return row(str(farm.id), name(farm.name), f"{farm.nodes:,}", tft(farm.owed), tft(farm.pay))


def kinds_exhibit(figures: Figures) -> Exhibit | None:
    """Violations by kind."""
    kinds = figures.ranked_violations()
    if not kinds:
        return None
    found = [
        charts.Bar(label=kind, value=count, shown=f"{count:,}", tone="bad") for kind, count in kinds
    ]
    count = figures.violations.count
    table = Table(
        id="kinds-table",
        caption="Violations by kind",
        columns=words("Violation", "#Receipts"),
        rows=[row(kind, f"{times:,}") for kind, times in kinds],
        look="narrow",
    )
    told = f"{count} receipts with a violation; most often {kinds[0][0]}."
    return Exhibit(
        drawn=charts.bars("kinds-chart", "Violations by kind", told, found),
        caption=f"Receipts with a violation: {count:,} of {figures.receipts:,}.",
        table=table,
    )


def violations_table(figures: Figures) -> Table | None:
    """Every violation with its evidence, the newest batch first."""
    latest = figures.violations
    if not latest.count:
        return None
    found = sorted(latest.rows, key=lambda one: (-one.end, one.schedule, one.node_id))
    return Table(
        id="violations-table",
        caption="Nodes with a violation, the newest batch first; times in seconds since 1970",
        columns=words("Batch", "#Node", "~Farm", "Violation", "=Evidence"),
        rows=[
            row(
                _batch(one),
                str(one.node_id),
                farm_name(one),
                Cell(text=VIOLATIONS[one.violation], tone="bad"),
                rows.evidence(one),
            )
            for one in found
        ],
        more=left_out(len(found), latest.count, "overview.csv"),
    )


def reasons_table(figures: Figures) -> Table | None:
    """Why nothing was paid."""
    reasons = figures.ranked_reasons()
    if not reasons:
        return None
    return Table(
        id="reasons-table",
        caption="Receipts that nothing is paid for, by reason",
        columns=words("Reason", "=What it means", "#Receipts"),
        rows=[row(one, _REASONS.get(one, ""), f"{count:,}") for one, count in reasons],
    )


def moved_table(figures: Figures) -> Table | None:
    """Nodes of the newest batch whose pay a guardian looks at again."""
    if not figures.moved:
        return None
    return Table(
        id="moved-table",
        caption="Pay that moved by more than half, the largest change first",
        columns=words("#Node", "~Farm", "#Before (TFT)", "#Now (TFT)", "Unpaid for"),
        rows=[_moved_row(one) for one in figures.moved],
        more=left_out(len(figures.moved), figures.moved_count, "overview.csv"),
    )


def _moved_row(one: Moved) -> Row:
    after = one.after
    return row(
        str(after.node_id),
        farm_name(after),
        tft(one.before.amount),
        tft(after.amount),
        after.reason,
    )


def bands_exhibit(figures: Figures) -> Exhibit | None:
    """How many nodes of the newest batch were up how much."""
    if not figures.nodes_count:
        return None
    bands = figures.uptime_bands()
    found = [
        charts.Bar(
            label=band,
            value=count,
            shown=f"{count:,}",
            tone="accent" if least >= _FLOOR else "warn",
        )
        for band, least, count in bands
    ]
    table = Table(
        id="bands-table",
        caption="Nodes by uptime",
        columns=words("Uptime", "#Nodes"),
        rows=[row(band, f"{count:,}") for band, _, count in bands],
        look="narrow",
    )
    full = figures.bands[bands[0][1]]
    told = f"{full} of {figures.nodes_count} nodes were up for the whole period."
    return Exhibit(
        drawn=charts.bars("bands-chart", "Nodes by uptime", told, found),
        caption="Nodes of the newest batch. The standard policies pay from 95 %, certified nodes from 98 %.",
        table=table,
    )


def nodes_table(figures: Figures) -> Table | None:
    """The nodes of the newest batch."""
    if not figures.nodes:
        return None
    return Table(
        id="nodes-table",
        caption="Nodes in node order",
        columns=words(
            "#Node",
            "~Farm",
            "#Seconds up",
            "#Uptime",
            "#Needed",
            "#Owed (TFT)",
            "#Pay (TFT)",
            "Unpaid for",
        ),
        rows=[_node_row(line) for line in figures.nodes],
        more=left_out(len(figures.nodes), figures.nodes_count, "overview.csv and payouts.csv"),
    )


def _node_row(line: Settled) -> Row:
    receipt = line.receipt
    tone = "bad" if receipt.violation else "warn" if receipt.reason else ""
    reason = VIOLATIONS[receipt.violation] or receipt.reason
    uptime = Cell(
        text=percent(receipt.uptime_permille),
        meter=f"{receipt.uptime_permille // 10}.{receipt.uptime_permille % 10}%",
        tone=tone,
    )
    return row(
        str(receipt.node_id),
        farm_name(receipt),
        f"{receipt.uptime:,}",
        uptime,
        percent(receipt.floor_permille),
        tft(receipt.amount),
        tft(line.pay),
        Cell(text=reason, tone=tone),
    )
