"""What a page is made of: tables, charts with a caption, tiles and facts."""

from collections.abc import Sequence
from dataclasses import dataclass

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
    """A field: its text, how it looks, and a bar under it (an SVG width) where a share is shown."""

    text: str
    tone: str = ""
    code: bool = False
    meter: str | None = None
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of a table; `under` is a long value that has a line of its own beneath."""

    cells: tuple[Cell, ...]
    under: str = ""
    under_label: str = ""
    under_href: str = ""


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
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    tone: str
    title: str
    told: str


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
