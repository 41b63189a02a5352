"""Every table stands once, under a tag of its own; keys of two meanings never meet."""

import pytest

from tfchain.base.shapes import layout
from tfchain.base.units import U32_MAX, Address, NodeId, PeriodIndex, ScheduleId
from tfchain.ledger import tables
from tfchain.ledger.state import Table

DECLARED = [value for value in vars(tables).values() if isinstance(value, Table)]


def test_every_table_is_listed_once() -> None:
    assert list(tables.TABLES) == DECLARED
    assert len({table.tag for table in tables.TABLES}) == len(tables.TABLES)
    assert len({table.name for table in tables.TABLES}) == len(tables.TABLES)


def test_tags_rise_and_fit_a_byte() -> None:
    tags = [table.tag for table in tables.TABLES]
    assert tags == sorted(tags)
    assert tags[0] > 0 and tags[-1] <= 255
    assert [tables.BY_TAG[tag] for tag in tags] == list(tables.TABLES)


@pytest.mark.parametrize("table", tables.TABLES, ids=lambda table: table.name)
def test_a_table_is_named_as_people_see_it_in_code(table: Table[object]) -> None:
    assert getattr(tables, table.name.upper()) is table
    assert layout(table.record).names


def test_archives_stand_outside_the_tree() -> None:
    assert set(tables.TABLES) - set(tables.IN_TREE) == {tables.RECEIPTS, tables.MINTS}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        pytest.param(tables.id_key(NodeId(258)), "00000102", id="an id"),
        pytest.param(tables.id_key(U32_MAX), "ffffffff", id="the last id"),
        pytest.param(tables.schedule_key(ScheduleId(2)), "02", id="a schedule"),
        pytest.param(tables.batch_key(ScheduleId(2), PeriodIndex(3)), "0200000003", id="a batch"),
        pytest.param(tables.in_batch(b"\x02\x00\x00\x00\x03", 4), "020000000300000004", id="in it"),
        pytest.param(
            tables.kept_key(b"\x02\x00\x00\x00\x03", 6, b"k"), "0200000003066b", id="kept"
        ),
        pytest.param(
            tables.of_guardian(b"\x02\x00\x00\x00\x03", Address(bytes(32))),
            "0200000003" + "00" * 32,
            id="a guardian's",
        ),
    ],
)
def test_keys_have_fixed_widths(key: bytes, expected: str) -> None:
    assert key.hex() == expected


def test_batches_sort_by_schedule_then_period() -> None:
    places = [(0, 0), (0, 1), (0, 256), (1, 0), (255, U32_MAX)]
    keys = [tables.batch_key(ScheduleId(one), PeriodIndex(two)) for one, two in places]
    assert keys == sorted(keys)
