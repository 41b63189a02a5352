"""`index.html`: one file that shows everything, needs no network and runs nothing.

The template escapes whatever is put in, and the page forbids itself scripts and requests besides:
names on it are strangers'. Its size is bounded: long tables are cut and say where the rest is.
"""

from jinja2 import Template

from tfchain import __version__
from tfchain.base.units import UTFT_PER_TFT
from tfchain.chain.audit_report import Report
from tfchain.cli.report import batch_tables, node_tables
from tfchain.cli.report.figures import Figures
from tfchain.cli.report.parts import Parts
from tfchain.cli.report.settled import is_settled
from tfchain.web.pages.parts import Fact, Tile, Verdict
from tfchain.web.pages.templates import templates
from tfchain.web.pages.words import period


def page(report: Report, figures: Figures, trusted: int | None) -> str:
    """The page. `trusted`: the height whose block was named beforehand, if one was."""
    parts = parts_of(report, figures, trusted)
    return template("page.html.j2").render({name: getattr(parts, name) for name in parts.__slots__})


def template(name: str) -> Template:
    """A template of this folder, or of those that all pages share."""
    return templates("tfchain.cli.report").get_template(name)


def parts_of(report: Report, figures: Figures, trusted: int | None) -> Parts:
    """What the page says, as values."""
    sealed = [batch for batch in report.batches if is_settled(batch)]
    newest = figures.newest
    return Parts(
        chain_id=batch_tables.chain_name(report),
        version=__version__,
        verdict=_verdict(report, trusted),
        tiles=_tiles(report, figures, len(sealed)),
        facts=_facts(report, trusted),
        batches=batch_tables.batches_table(report),
        supply=batch_tables.supply_sum(report),
        mints=batch_tables.mints_exhibit(report),
        faults=batch_tables.faults_table(report),
        paid=f"{figures.paid:,}",
        largest=node_tables.largest_exhibit(figures),
        farms=node_tables.farms_exhibit(figures),
        kinds=node_tables.kinds_exhibit(figures),
        violations=node_tables.violations_table(figures),
        reasons=node_tables.reasons_table(figures),
        moved=node_tables.moved_table(figures),
        moved_none=_moved_none(len(sealed)),
        bands=node_tables.bands_exhibit(figures),
        newest=""
        if newest is None
        else f"{batch_tables.batch_name(newest.schedule, newest.period)},"
        f" {period(newest.start, newest.end)} UTC",
        nodes=node_tables.nodes_table(figures),
        own_files=len(sealed) > 1,
    )


def _moved_none(sealed: int) -> str:
    if sealed < 2:
        return "There is no earlier batch to compare with yet."
    return "None: every node's pay stayed within half of what it was."


def _verdict(report: Report, trusted: int | None) -> Verdict:
    if report.anchored and trusted is not None:
        told = (
            f"The history runs through the block of height {trusted:,} that was named beforehand."
        )
        return Verdict(tone="good", title="Anchored.", told=told)
    told = (
        "No trusted block was named, and keys of validators long gone could sign another history."
    )
    return Verdict(tone="warn", title="Consistent, not anchored.", told=told)


def _tiles(report: Report, figures: Figures, sealed: int) -> list[Tile]:
    minted = report.supply_minted
    return [
        Tile(id="n-blocks", label="Blocks executed again", number=f"{report.height:,}"),
        Tile(id="n-transactions", label="Transactions", number=f"{report.transactions:,}"),
        Tile(id="n-signatures", label="Signatures verified", number=f"{report.signatures:,}"),
        Tile(id="n-batches", label="Batches settled", number=f"{sealed:,}"),
        Tile(id="n-receipts", label="Receipts recomputed", number=f"{report.receipts_compared:,}"),
        Tile(
            id="n-violations",
            label="Receipts with a violation",
            number=f"{figures.violations.count:,}",
        ),
        Tile(
            id="n-minted",
            label="Minted",
            number=f"{minted // UTFT_PER_TFT:,}",
            fraction=f".{minted % UTFT_PER_TFT:07d}",
            unit="TFT",
        ),
    ]


def _facts(report: Report, trusted: int | None) -> list[Fact]:
    anchored = f"at height {trusted:,}" if report.anchored and trusted is not None else "no"
    return [
        Fact(id="chain-id", label="Chain", text=batch_tables.chain_name(report)),
        Fact(id="genesis-hash", label="Genesis hash", text=report.genesis_hash.hex(), code=True),
        Fact(
            id="heights", label="Heights", text=f"1 to {report.height:,}" if report.height else "0"
        ),
        Fact(id="block-id", label="Last block id", text=report.block_id.hex(), code=True),
        Fact(id="state-root", label="State root", text=report.state_root.hex(), code=True),
        Fact(id="anchored", label="Anchored", text=anchored),
    ]
