"""Whatever record, field by field: what a transaction asks for, what a proposal would change.

The names are the records' own, so that a new kind has a page without anybody writing one.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from tfchain.base.address import from_text
from tfchain.errors import Malformed
from tfchain.web.explorer import cells
from tfchain.web.pages import words
from tfchain.web.pages.parts import Cell, Column, Fact, Row, Table

ROWS_MAX: Final = 500
"""Rows of a list inside a record; the largest transaction has more than anybody reads."""
FACTS_MAX: Final = 256
U64_CHARS_MAX: Final = 20
COINS: Final = frozenset(
    [
        "amount",
        "total",
        "bond",
        "cap",
        "owed",
        "payable",
        "fee",
        "supply_cap",
        "balance_min",
        "node_deposit",
    ]
)
_TIMES: Final = frozenset({"t", "until", "start", "end", "time"})


def told(text: str, *, leading: bool = True) -> tuple[list[Fact], list[Table]]:
    """The fields of a record in JSON. `leading`: whether what they name is there to be led to."""
    facts: list[Fact] = []
    tables: list[Table] = []
    for name, value in _flat("", json.loads(text)):
        if isinstance(value, list) and value and isinstance(value[0], dict):
            tables.append(_table(name, value, leading=leading))
        elif len(facts) < FACTS_MAX:
            facts.append(_fact(name, value, leading=leading))
    return facts, tables


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Records inside records, as `outer.inner`."""
    if not isinstance(value, dict):
        yield path, value
        return
    for name, inner in value.items():
        yield from _flat(f"{path}.{name}" if path else name, inner)


def _fact(name: str, value: Any, *, leading: bool) -> Fact:
    cell = cell_of(name.rpartition(".")[2], value, leading=leading, whole=True)
    label = name.replace("_", " ").replace(".", ", ").capitalize()
    return Fact(
        id=f"field-{name.replace('.', '-')}",
        label=label,
        text=cell.text or "\N{EN DASH}",
        code=cell.code,
        href=cell.href,
    )


def _table(name: str, found: list[Any], *, leading: bool) -> Table:
    shown = [dict(_flat("", one)) for one in found[:ROWS_MAX]]
    names = list(shown[0])
    columns = tuple(
        Column(
            label=one.replace("_", " ").replace(".", ", ").capitalize(),
            number=isinstance(shown[0][one], int),
        )
        for one in names
    )
    more = f"{len(found) - ROWS_MAX:,} more in the block" if len(found) > ROWS_MAX else ""
    return Table(
        id=f"list-{name.replace('.', '-')}",
        caption=name.replace("_", " ").replace(".", ", ").capitalize(),
        columns=columns,
        rows=[
            Row(cells=tuple(cell_of(key, row.get(key), leading=leading) for key in names))
            for row in shown
        ],
        more=more,
        look="dense",
    )


def cell_of(name: str, value: Any, *, leading: bool = True, whole: bool = False) -> Cell:
    """A value as its name says it is meant. `whole`: hashes and addresses in full."""
    if value is None:
        return Cell(text="none")
    if isinstance(value, bool):
        return Cell(text="yes" if value else "no")
    if isinstance(value, list):
        return Cell(text=", ".join(cell_of(name, one).text for one in value[:ROWS_MAX]))
    if isinstance(value, int):
        return _number(name, value, leading=leading)
    return _text(name, str(value), leading=leading, whole=whole)


def _number(name: str, value: int, *, leading: bool) -> Cell:
    if name == "node_id" and leading and value:
        return cells.node(value)
    if name == "farm_id" and leading and value:
        return cells.farm(value)
    if name in _TIMES and value > 1_000_000_000:
        return Cell(text=f"{words.utc(value)} UTC")
    return Cell(text=f"{value:,}")


def _text(name: str, value: str, *, leading: bool, whole: bool) -> Cell:
    if name in COINS and value.isascii() and value.isdigit():
        return Cell(text=f"{words.tft(int(value))} TFT")
    if value.isascii() and value.isdigit() and len(value) <= U64_CHARS_MAX:
        return Cell(text=f"{int(value):,}")  # 64 bits leave as a text
    shown = value if whole else cells.brief(value)
    if is_address(value):
        return Cell(text=shown, code=True, href=cells.account_at(value) if leading else "")
    if len(value) in {40, 64, 128} and not value.strip("0123456789abcdef"):
        return Cell(text=shown, code=True)
    return Cell(text=words.name(value))


def is_address(text: str) -> bool:
    """Whether it is an account's."""
    try:
        from_text(text)
    except Malformed:
        return False
    return True
