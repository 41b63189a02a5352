"""Field order is byte order and never moves: `layouts.json` pins every record, `tables.json` every tag."""

import json
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path

import pytest

from tfchain.base.shapes import Layout, layout
from tfchain.ledger import tables
from tfchain.tx.registry import KINDS

FOLDER = Path(__file__).parent
LAYOUTS: dict[str, list[int | str]] = json.loads(
    (FOLDER / "layouts.json").read_text(encoding="utf-8")
)
MODULES = (
    "records",
    "minting",
    "uptime",
    "params",
    "validators",
    "commit",
    "header",
    "block",
    "tree",
    "evidence",
    "seats",
    "changes",
    "measures",
    "proposals",
    "gaps",
    "terms",
    "cultivation",
    "disputes",
)


def _records() -> dict[str, type]:
    """Every record class of the ledger floor, the envelope, and the kinds, by module and name."""
    names = [f"tfchain.ledger.{name}" for name in MODULES] + ["tfchain.tx.transaction"]
    found = {}
    for name in names:
        for cls in vars(import_module(name)).values():
            if isinstance(cls, type) and cls.__module__ == name and _has_layout(cls):
                found[f"{name.removeprefix('tfchain.')}.{cls.__name__}"] = cls
    return found | {
        f"{kind.__module__.removeprefix('tfchain.')}.{kind.__name__}": kind
        for kind in KINDS.values()
    }


def _has_layout(cls: type) -> bool:
    """Shapes, and values that are never written, have none."""
    if not is_dataclass(cls) or vars(cls)["__match_args__"]:  # records are keyword-only
        return False
    try:
        return bool(layout(cls).names)  # a shape of its own has no fields
    except AssertionError:
        return False


RECORDS = _records()


def test_every_record_is_pinned() -> None:
    assert list(LAYOUTS) == sorted(RECORDS)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_record_has_its_version_and_its_fields_in_order(name: str) -> None:
    found: Layout[object] = layout(RECORDS[name])
    assert [found.version, *found.names] == LAYOUTS[name]


def test_tables_keep_their_tags() -> None:
    pinned = json.loads((FOLDER / "tables.json").read_text(encoding="utf-8"))
    assert {str(table.tag): table.name for table in tables.TABLES} == pinned


def test_rows_of_tables_are_among_the_pinned() -> None:
    assert {table.record for table in tables.TABLES} <= set(RECORDS.values())
