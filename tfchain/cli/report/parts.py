"""What the page is made of: tables, charts with a caption, tiles and facts."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`wide`: on a phone it has a line of its own. `name`: it may be broken anywhere."""

    label: str
    number: bool = False
    wide: bool = False
    name: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A field: its text, how it looks, and a bar under it (a CSS width) where a share is shown."""

    text: str
    tone: str = ""
    code: bool = False
    meter: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of a table; `under` is a long value that has a line of its own beneath."""

    cells: tuple[Cell, ...]
    under: str = ""
    under_label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    id: str
    caption: str
    columns: tuple[Column, ...]
    rows: Sequence[Row]
    more: str = ""
    """Where the rows are that are not here."""
    look: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """A chart, and its numbers beside it."""

    drawn: Markup
    caption: str
    table: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    id: str
    label: str
    number: str
    fraction: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    id: str
    label: str
    text: str
    code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    tone: str
    title: str
    told: str


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


def words(*labels: str) -> tuple[Column, ...]:
    """Columns; one that begins with `#` is of numbers, with `=` wide, with `~` of names."""
    return tuple(
        Column(
            label=one.lstrip("#=~"),
            number=one.startswith("#"),
            wide=one.startswith("="),
            name=one.startswith("~"),
        )
        for one in labels
    )


def row(*texts: str | Cell) -> Row:
    """A row of plain texts and of cells."""
    return Row(cells=tuple(Cell(text=one) if isinstance(one, str) else one for one in texts))


def left_out(shown: int, count: int, where: str) -> str:
    """The line under a table that was cut."""
    return f"{count - shown:,} more in {where}" if count > shown else ""
