"""Where two chains, or a chain and its own recomputation, part: first the block, then the row."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, TypeAlias

from tfchain.base.units import Height
from tfchain.ledger import tables
from tfchain.ledger.block import Block, decode_block
from tfchain.ledger.header import Header
from tfchain.node.answers import Json, record
from tfchain.node.rebuilding import Rebuilt
from tfchain.node.sources import Rows, Source
from tfchain.store.layout import TREE

Tick: TypeAlias = Callable[[int], None]
"""Told each height that was gone through."""

RowDiff: TypeAlias = tuple[bytes, bytes | None, bytes | None]
"""Stored key and the two values."""

ABSENT: Final = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockDiff:
    """Two blocks of one height."""

    height: Height
    ids: tuple[str, str]
    fields: tuple[str, ...]
    """Header fields that differ, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateDiff:
    """Two states after one height."""

    height: Height
    between: tuple[str, str]
    rows: tuple[tuple[str, int], ...]
    """How many rows differ, by table."""
    first: RowDiff


def first_block_diff(one: Source, other: Source, tick: Tick) -> tuple[Height, BlockDiff | None]:
    """How far the blocks are equal, and the first pair that is not.

    Raises:
        Malformed: a block that is none.
    """
    common = Height(0)
    for left, right in zip_longest(one.raw_blocks(), other.raw_blocks()):
        if left is None or right is None:
            break
        if left != right:
            return common, _block_diff(decode_block(left), decode_block(right))
        common = Height(common + 1)
        tick(common)
    return common, None


def _block_diff(one: Block, other: Block) -> BlockDiff:
    fields = [
        name
        for name in Header.__dataclass_fields__
        if getattr(one.header, name) != getattr(other.header, name)
    ]
    return BlockDiff(
        height=one.header.height,
        ids=(one.id.hex(), other.id.hex()),
        fields=tuple(fields) or ("the last commit's signatures",),
    )


def state_diff(
    one: Rows, other: Rows, height: Height, between: tuple[str, str]
) -> StateDiff | None:
    """What differs between two states; None where they are equal.

    Rows of the tables come before those of their trees, so that the cause is found before its hash.
    """
    counts: dict[str, int] = {}
    first: RowDiff | None = None
    for diff in row_diffs(one, other):
        name = table_name(diff[0])
        counts[name] = counts.get(name, 0) + 1
        first = first or diff
    if first is None:
        return None
    rows = tuple(counts.items())
    return StateDiff(height=height, between=between, rows=rows, first=first)


def row_diffs(one: Rows, other: Rows) -> Iterator[RowDiff]:
    """The keys whose values differ, out of rows that come column by column, in key order."""
    lefts, rights = _turns(one), _turns(other)
    left, right = next(lefts, None), next(rights, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left[0] < right[0]):
            assert left is not None
            yield left[1], left[2], None
            left = next(lefts, None)
        elif left is None or right[0] < left[0]:
            yield right[1], None, right[2]
            right = next(rights, None)
        else:
            if left[2] != right[2]:
                yield left[1], left[2], right[2]
            left, right = next(lefts, None), next(rights, None)


def _turns(rows: Rows) -> Iterator[tuple[tuple[bool, bytes], bytes, bytes]]:
    for key, value in rows:
        yield (key[:1] == TREE, key), key, value


def rebuilt_rows(rebuilt: Rebuilt) -> Rows:
    """The rows of a recomputed state, as a source gives them."""
    return ((key, rebuilt.rows[key]) for key in sorted(rebuilt.rows, key=_turn_of))


def _turn_of(key: bytes) -> tuple[bool, bytes]:
    return key[:1] == TREE, key


def rebuilt_at(source: Source, heights: Iterable[int], tick: Tick) -> Iterator[Rebuilt]:
    """The state of a chain after each of `heights`, ascending; the same object each time.

    Raises:
        InvalidBlock: a block is not what this program makes of the ones before it.
        Unavailable: a block is not there.
    """
    rebuilt, blocks = Rebuilt(source.genesis_text()), source.raw_blocks()
    for height in heights:
        while rebuilt.tip.height < height:
            rebuilt.take(decode_block(next(blocks)))
            tick(rebuilt.tip.height)
        yield rebuilt


def table_name(key: bytes) -> str:
    """The table that a stored key belongs to."""
    table = tables.BY_TAG.get(key[1]) if len(key) > 1 else None
    name = f"table {key[1:2].hex()}" if table is None else table.name
    return f"tree of {name}" if key[:1] == TREE else name


def row_words(key: bytes, value: bytes | None) -> Json:
    """A row's fields by name; what is no table's is hex."""
    if value is None:
        return ABSENT
    table = tables.BY_TAG.get(key[1]) if len(key) > 1 and key[:1] != TREE else None
    return value.hex() if table is None else record(table.decode(value))
