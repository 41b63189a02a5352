"""Search: whatever somebody has in hand leads to its page; what fits several is listed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Final

from tfchain.web.explorer import cells
from tfchain.web.explorer.asked import Asked, number
from tfchain.web.explorer.bodies import is_address
from tfchain.web.pages import parts, words
from tfchain.web.pages.parts import Cell, Table
from tfchain.web.pages.sections import Page, Section

HITS_MAX: Final = 50
_HEX: Final = "0123456789abcdef"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Something that fits: what it is, how it is called, and where its page is."""

    kind: str
    label: str
    href: str


Finder = Callable[[Connection, str], Iterator[Hit]]


def look(rows: Connection, asked: Asked) -> Page | str:
    """Where the only thing that fits is, or a page with everything that does.

    Raises:
        Malformed: it is longer than anything that could be found.
    """
    text = asked.text("q")
    hits = [hit for find in FINDERS for hit in find(rows, text)][:HITS_MAX] if text else []
    if len(hits) == 1:
        return hits[0].href
    return Page(
        title="Search",
        over="explorer",
        here="",
        asked=text,
        lead=_told(text, hits),
        sections=_shown(hits),
    )


def _told(text: str, hits: list[Hit]) -> str:
    if not text:
        return "Name a height, a hash, an address, a node, a farm, a country or a batch like 0/7."
    quoted = f"\N{LEFT DOUBLE QUOTATION MARK}{words.name(text)}\N{RIGHT DOUBLE QUOTATION MARK}"
    return f"{len(hits)} things fit {quoted}." if hits else f"Nothing fits {quoted}."


def _shown(hits: list[Hit]) -> list[Section]:
    if not hits:
        return []
    table = Table(
        id="hits-table",
        caption="What fits",
        columns=parts.words("What", "~Name"),
        rows=[parts.row(hit.kind, Cell(text=hit.label, href=hit.href)) for hit in hits],
        look="narrow",
    )
    return [Section(id="hits", title="Found", table=table)]


def _numbers(rows: Connection, text: str) -> Iterator[Hit]:
    found = number(text.replace(",", ""))
    if found is None:
        return
    for kind, query, at in _NUMBERED:
        if rows.execute(query, (found,)).fetchone():
            yield Hit(kind=kind, label=f"{kind} {found:,}", href=at(found))
    query = "SELECT schedule FROM batches WHERE period = ? ORDER BY schedule LIMIT 8"
    for row in rows.execute(query, (found,)).fetchall():
        yield _batch(row["schedule"], found)


_NUMBERED: Final = (
    ("block", "SELECT 1 FROM blocks WHERE height = ?", cells.block_at),
    ("node", "SELECT 1 FROM nodes WHERE node_id = ?", cells.node_at),
    ("node", "SELECT 1 FROM gone_nodes WHERE node_id = ?", cells.node_at),
    ("farm", "SELECT 1 FROM farms WHERE farm_id = ?", cells.farm_at),
    ("proposal", "SELECT 1 FROM proposals WHERE proposal = ?", cells.proposal_at),
    ("change", "SELECT 1 FROM changes WHERE change = ?", cells.change_at),
)


def _batch(schedule: int, period: int) -> Hit:
    return Hit(
        kind="batch", label=f"batch {schedule}/{period}", href=cells.batch_at(schedule, period)
    )


def _batches(rows: Connection, text: str) -> Iterator[Hit]:
    schedule, slash, period = text.partition("/")
    pair = number(schedule.strip()), number(period.strip())
    if not slash or None in pair:
        return
    query = "SELECT schedule, period FROM batches WHERE schedule = ? AND period = ?"
    for row in rows.execute(query, pair).fetchall():
        yield _batch(row["schedule"], row["period"])


def _hashes(rows: Connection, text: str) -> Iterator[Hit]:
    name = text.lower().removeprefix("0x")
    if len(name) not in {40, 64} or name.strip(_HEX):
        return
    for row in rows.execute("SELECT height FROM blocks WHERE id = ?", (name,)).fetchall():
        yield Hit(
            kind="block", label=f"block {row['height']:,}", href=cells.block_at(row["height"])
        )
    for row in rows.execute(
        "SELECT id, kind FROM transactions WHERE id = ? LIMIT 1", (name,)
    ).fetchall():
        yield Hit(kind="transaction", label=row["kind"], href=cells.transaction_at(row["id"]))
    query = "SELECT node_id, start FROM receipts WHERE id = :name UNION SELECT node_id, start FROM receipts WHERE text_hash = :name"
    for row in rows.execute(query, {"name": name}).fetchall():
        at = cells.statement_at(row["node_id"], row["start"])
        yield Hit(kind="receipt", label=f"receipt of node {row['node_id']}", href=at)
    for row in rows.execute(
        "SELECT schedule, period FROM batches WHERE root = ?", (name,)
    ).fetchall():
        yield _batch(row["schedule"], row["period"])
    for row in rows.execute("SELECT validator FROM seats WHERE validator = ?", (name,)).fetchall():
        at = cells.validator_at(row["validator"])
        yield Hit(kind="validator", label=row["validator"], href=at)


def _addresses(_rows: Connection, text: str) -> Iterator[Hit]:
    if is_address(text):
        yield Hit(kind="account", label=text, href=cells.account_at(text))


def _names(rows: Connection, text: str) -> Iterator[Hit]:
    """Farms whose name holds the text, and places where nodes are."""
    like = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    query = "SELECT farm_id, name FROM farms WHERE name LIKE ? ESCAPE '\\' ORDER BY farm_id LIMIT ?"
    for row in rows.execute(query, (like, HITS_MAX)).fetchall():
        yield Hit(kind="farm", label=words.name(row["name"]), href=cells.farm_at(row["farm_id"]))
    query = "SELECT DISTINCT country FROM nodes WHERE country LIKE ? ESCAPE '\\' ORDER BY country LIMIT 10"
    for row in rows.execute(query, (like,)).fetchall():
        label = f"nodes in {words.name(row['country'])}"
        yield Hit(kind="country", label=label, href=cells.country_at(row["country"]))


FINDERS: Final[tuple[Finder, ...]] = (_numbers, _batches, _hashes, _addresses, _names)
