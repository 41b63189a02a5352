"""Columns that grow for a month: packed as they grow, gone through in parts, the same rows throughout."""

from random import Random

import numpy as np
import pytest

from tfchain.base.units import U32_MAX
from tfchain.chain.columns.regular import split
from tfchain.chain.columns.streams import CHUNK_ROWS, KIND, KINDS, NODE, REPORT, TIME_MAX, Stream
from tfchain.ledger.params import UptimeRow

Row = tuple[int, int, int, int, int]
EDGES: list[Row] = [(REPORT, U32_MAX, TIME_MAX, TIME_MAX, TIME_MAX), (2, 1, 0, 0, 0)]


def _rows(count: int, seed: int = 1) -> list[Row]:
    """Rows of seven nodes, in block order, the widest and the least among them."""
    chance = Random(seed)
    rows = [(chance.choice(KINDS), chance.randint(1, 7), at, at + 9, at) for at in range(count)]
    rows[1:1] = EDGES
    return rows


def _stream(rows: list[Row]) -> Stream:
    stream = Stream()
    for row in rows:
        stream.append(*row)
    return stream


@pytest.fixture(scope="module")
def long() -> tuple[list[Row], Stream]:
    rows = _rows(2 * CHUNK_ROWS + 5)
    return rows, _stream(rows)


def test_rows_come_back_by_node_in_block_order(long: tuple[list[Row], Stream]) -> None:
    rows, stream = long
    due = sorted(rows, key=lambda row: row[NODE])
    assert [*map(tuple, stream.by_node().T.tolist())] == due


def test_most_of_it_is_packed(long: tuple[list[Row], Stream]) -> None:
    rows, stream = long
    assert len(stream._chunks) == 2
    last = stream._chunks[1]
    assert last[KIND].over.dtype == last[NODE].over.dtype == np.uint8
    assert len(stream._rows) // 5 == len(rows) - 2 * CHUNK_ROWS


@pytest.mark.parametrize("part_rows", [1, 20_000, 40_000, 10**9])
def test_parts_are_whole_nodes_and_all_there_is(
    long: tuple[list[Row], Stream], part_rows: int
) -> None:
    _, stream = long
    parts = [*stream.parts(part_rows)]
    assert parts[0][0].start == 1
    assert parts[-1][0].stop == U32_MAX + 1
    stops = [nodes.stop for nodes, _ in parts[:-1]]
    assert stops == [nodes.start for nodes, _ in parts[1:]]
    for nodes, table in parts:
        assert all(node in nodes for node in table[NODE].tolist())
    whole = np.concatenate([table for _, table in parts], axis=1)
    assert np.array_equal(whole, stream.by_node())
    assert len(parts) == {1: 8, 20_000: 7, 40_000: 4, 10**9: 1}[part_rows]


def test_nothing_is_one_empty_part() -> None:
    [(nodes, table)] = Stream().parts(1)
    assert (nodes, table.shape) == (range(1, U32_MAX + 1), (5, 0))


def test_packed_or_not_the_bytes_are_the_same(long: tuple[list[Row], Stream]) -> None:
    rows, stream = long
    spelled = stream.encode()
    assert spelled == np.array(rows, dtype="<i8").T.tobytes()
    again = Stream.decode(spelled, {})
    assert again.encode() == spelled
    again.append(*EDGES[0])
    assert np.array_equal(again.by_node()[:, :-1], stream.by_node())


def test_a_month_in_parts_is_the_month(public_limits: UptimeRow) -> None:
    reports = [(REPORT, node, 10 + 5 * at, 5 * at, 0) for at in range(1, 60) for node in (1, 2, 3)]
    whole = _stream([*reports, (2, 2, 99, 0, 99)])
    whole.asleep[9] = (0, False)
    found = split(whole, public_limits, 10, 10_000)
    parted = split(whole, public_limits, 10, 10_000, part_rows=1)
    assert parted.totals == found.totals
    assert sorted(parted.totals) == [1, 3]
    assert sorted(parted.others) == sorted(found.others) == [2, 9]
    for node, table in found.others.items():
        assert np.array_equal(parted.others[node], table)
