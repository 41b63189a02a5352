"""Tables and charts about batches, supply, and evidence against validators."""

from collections.abc import Sequence
from dataclasses import dataclass

from tfchain.chain.audit_report import Found, MintingBlock, Report
from tfchain.cli.report.figures import BATCH_ROWS, FAULT_ROWS, MINT_ROWS
from tfchain.ledger.evidence import twice_of
from tfchain.ledger.minting import DISPUTED, PAID, STATES, Batch
from tfchain.web.pages import charts
from tfchain.web.pages.parts import Cell, Exhibit, Row, Table, left_out, row, words
from tfchain.web.pages.words import name, period, tft


def batch_name(schedule: int, period: int) -> str:
    """A batch as the whole program names it."""
    return f"{schedule}/{period}"


def batches_table(report: Report) -> Table:
    """Every batch, the newest first."""
    rows = sorted(report.batches, key=lambda batch: (-batch.end, batch.schedule))
    shown = [_batch_row(report, batch) for batch in rows[:BATCH_ROWS]]
    return Table(
        id="batches-table",
        caption="Batches, the newest first",
        columns=words(
            "Batch",
            "=Period (UTC)",
            "State",
            "#Receipts",
            "#Owed (TFT)",
            "#Minted (TFT)",
            "Second program",
            "Guardians",
        ),
        rows=shown,
        more=left_out(len(shown), len(rows), "batches.csv"),
    )


def _batch_row(report: Report, batch: Batch) -> Row:
    second = report.second.get((batch.schedule, batch.period))
    agree = sum(answer.agrees for answer in batch.answers)
    guardians = f"{agree} of {len(batch.guardians)} agree" if batch.guardians else ""
    cells = (
        Cell(text=batch_name(batch.schedule, batch.period)),
        Cell(text=period(batch.start, batch.end)),
        Cell(text=STATES[batch.state], tone=_TONES.get(batch.state, "")),
        Cell(text=f"{batch.count:,}"),
        Cell(text=tft(batch.total)),
        Cell(text=tft(batch.minted)),
        Cell(text="" if second is None else "equal", tone="good"),
        Cell(text=guardians),
    )
    if not batch.root:
        return Row(cells=cells)
    return Row(cells=cells, under=batch.root.hex(), under_label="Proof of capacity")


_TONES = {PAID: "good", DISPUTED: "bad"}


@dataclass(slots=True)
class _Group:
    """The mint transactions of one batch, which may stand in several blocks."""

    schedule: int
    period: int
    first: int
    last: int
    nodes: int
    amount: int
    before: int
    """Minted before it."""

    @property
    def blocks(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


def _groups(blocks: Sequence[MintingBlock]) -> list[_Group]:
    """Per batch, in the order in which their minting began."""
    found: dict[tuple[int, int], _Group] = {}
    for block in blocks:
        key = (block.schedule, block.period)
        group = found.get(key)
        if group is None:
            group = found[key] = _Group(*key, block.height, block.height, 0, 0, 0)
        group.last = block.height
        group.nodes += block.nodes
        group.amount += block.amount
    minted = 0
    for group in found.values():
        group.before = minted
        minted += group.amount
    return list(found.values())


def mints_exhibit(report: Report) -> Exhibit | None:
    """Coins as they came into being, batch by batch."""
    groups = _groups(report.minting_blocks)
    if not groups:
        return None
    shown = groups[-MINT_ROWS:]
    drawn = charts.columns(
        "mints-chart",
        "Coins minted, adding up batch by batch",
        f"{tft(report.supply_minted)} TFT were minted for {len(groups)} batches;"
        f" the last column is batch {batch_name(groups[-1].schedule, groups[-1].period)}.",
        [_group_bar(group) for group in shown],
        f"{tft(report.supply_minted)} TFT",
    )
    rows = [_group_row(report, group) for group in reversed(shown)]
    table = Table(
        id="mints-table",
        caption="Mints, the newest first",
        columns=words("Batch", "Blocks", "#Nodes", "#Minted (TFT)", "#Supply after (TFT)"),
        rows=rows,
        more=left_out(len(rows), len(groups), "batches.csv"),
    )
    caption = (
        "Coins minted so far after each batch: in full colour its own, below them those before."
    )
    return Exhibit(drawn=drawn, caption=caption, table=table)


def _group_bar(group: _Group) -> charts.Bar:
    return charts.Bar(
        label=batch_name(group.schedule, group.period),
        value=group.before + group.amount,
        lead=group.before,
        shown=tft(group.amount),
    )


def _group_row(report: Report, group: _Group) -> Row:
    return row(
        batch_name(group.schedule, group.period),
        group.blocks,
        f"{group.nodes:,}",
        tft(group.amount),
        tft(report.supply_genesis + group.before + group.amount),
    )


def faults_table(report: Report) -> Table | None:
    """Every piece of evidence that a block holds, the newest first."""
    if not report.faults:
        return None
    shown = [_fault_row(found) for found in report.faults[: -FAULT_ROWS - 1 : -1]]
    return Table(
        id="faults-table",
        caption="Validators that signed twice, the newest evidence first",
        columns=words("#Block", "Signed two", "#Height", "#Round", "#Burned (TFT)", "=Validator"),
        rows=shown,
        more=left_out(len(shown), len(report.faults), "what tfchain audit prints"),
    )


def _fault_row(found: Found) -> Row:
    piece = found.piece
    return row(
        f"{found.block:,}",
        Cell(text=twice_of(piece), tone="bad"),
        f"{piece.height:,}",
        str(piece.round),
        tft(found.burned),
        Cell(text=piece.validator.hex(), code=True),
    )


def supply_sum(report: Report) -> dict[str, str]:
    """Genesis and mints are all there is, but for what was burned; empty where nothing was."""
    return {
        "genesis": tft(report.supply_genesis),
        "minted": tft(report.supply_minted),
        "burned": tft(report.supply_burned) if report.supply_burned else "",
        "held": tft(report.supply_held),
    }


def chain_name(report: Report) -> str:
    """The chain's id, which a genesis file chose."""
    return name(report.chain_id)
