"""What the audit's page is made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tfchain.web.pages.parts import Exhibit, Fact, Table, Tile, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that the template shows. Where there is nothing to show, None."""

    chain_id: str
    version: str
    verdict: Verdict
    tiles: Sequence[Tile]
    facts: Sequence[Fact]
    batches: Table
    supply: dict[str, str]
    mints: Exhibit | None
    faults: Table | None
    paid: str
    largest: Exhibit | None
    farms: Exhibit | None
    kinds: Exhibit | None
    violations: Table | None
    reasons: Table | None
    moved: Table | None
    moved_none: str
    bands: Exhibit | None
    newest: str
    nodes: Table | None
    own_files: bool
    sections: Sequence[tuple[str, str]] = field(
        default=(
            ("audited", "What was audited"),
            ("batches", "Batches"),
            ("supply", "Supply"),
            ("evidence", "Evidence"),
            ("payouts", "Payouts"),
            ("farms", "Farms"),
            ("unpaid", "Violations"),
            ("moved", "Pay that moved"),
            ("nodes", "Nodes"),
            ("files", "Files"),
        )
    )
