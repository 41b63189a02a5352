"""A page as values: what the one template of all pages shows, section by section."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tfchain.web.pages.parts import Exhibit, Fact, Table, Tile, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A way to another page."""

    label: str
    href: str
    here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a page, in the order of its fields; what is empty is left out."""

    id: str
    title: str
    told: str = ""
    links: Sequence[Link] = ()
    tiles: Sequence[Tile] = ()
    facts: Sequence[Fact] = ()
    drawn: Markup | None = None
    exhibit: Exhibit | None = None
    table: Table | None = None
    text: str = ""
    """Shown as it is, letter by letter."""
    pager: Sequence[Link] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`over` says what kind of thing it is, `here` which entry of the menu."""

    title: str
    over: str
    here: str
    sections: Sequence[Section]
    code: str = ""
    """The whole name of what is shown, where the title has a short one."""
    lead: str = ""
    verdict: Verdict | None = None
    live: bool = False
    """Whether it is shown anew with every block."""
    asked: str = ""
    """What stands in the field of the search."""
    status: int = 200
