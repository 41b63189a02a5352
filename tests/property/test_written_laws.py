"""What is written out of the shapes says what the shapes say: of every record, both ways, well or ill."""

from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.base.codec import Plain
from tfchain.base.shapes import (
    Blob,
    Layout,
    Many,
    Maybe,
    Nested,
    Shape,
    Text,
    UInt,
    changed,
    layout,
)
from tfchain.bft.messages import Vote
from tfchain.errors import Malformed
from tfchain.ledger.commit import Commit
from tfchain.ledger.header import Header
from tfchain.ledger.minting import Batch
from tfchain.ledger.records import Farm, Uptime
from tfchain.ledger.seats import Past
from tfchain.tx.kinds.leave_validators import LeaveValidators
from tfchain.tx.kinds.mint import Mint
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.transaction import Envelope

T = TypeVar("T")
RECORDS: list[type] = [
    *(Envelope, Uptime, Farm, Header, Commit, Batch, Past, Vote),
    *(ReportUptime, RegisterNode, LeaveValidators, Mint),
]
"""Together they have a field of every shape, alone, inside another and absent."""
ODD: list[Plain] = [
    *(None, True, -1, 0, 1 << 64, b"", bytes(33), [], [1], [1, 2, True]),
    *("", "x", "é", "x" * 65, "é" * 64, "\ud800"),  # of the last but one: 64 letters, 128 bytes
]


def _fitting(shape: Shape) -> st.SearchStrategy[Plain]:
    match shape:
        case UInt(least=least, most=most):
            return st.sampled_from([least, (least + most) // 2, most])
        case Blob(least=least, most=most) | Text(least=least, most=most):
            return st.sampled_from(_sized(shape, least, most))
        case Maybe(shape=inner):
            return st.none() | _fitting(inner)
        case Many(shape=inner, most=most):
            return st.lists(_fitting(inner), max_size=min(most, 3))
        case Nested(cls=cls):
            return _row(cls)
        case _:
            return st.one_of(st.booleans(), st.just("abc"), st.just(bytes(16)))


def _sized(shape: Blob | Text, *sizes: int) -> list[Plain]:
    """Of so many bytes; of text some with two to a letter, where that is one more."""
    if isinstance(shape, Blob):
        return [*map(bytes, sizes)]
    return [each for size in sizes for each in ("x" * size, "é" * (size + 1 >> 1))]


def _row(cls: type) -> st.SearchStrategy[Plain]:
    known: Layout[object] = layout(cls)
    items = (_fitting(shape) for shape in known.shapes)
    return st.tuples(st.just(known.version), *items).map(list)


def _edges(shape: Shape) -> list[Plain]:
    """What just fits, what just does not, and what is far off."""
    match shape:
        case UInt(least=least, most=most):
            return [least - 1, least, most, most + 1, *ODD]
        case Blob(least=least, most=most) | Text(least=least, most=most):
            return [*_sized(shape, max(0, least - 1), least, most, most + 1), *ODD]
        case Maybe(shape=inner) | Many(shape=inner, most=0):
            return _edges(inner)
        case Many(shape=inner, most=most):
            edges = [[item] for item in _edges(inner)]
            return [*edges, *([item] * (most + 1) for item in _edges(inner)), *ODD]
        case Nested(cls=cls):
            return [[1, *row] for row in zip(*map(_edges, layout(cls).shapes), strict=False)]
        case _:
            return ODD


@st.composite
def _bent(draw: st.DrawFn, cls: type) -> Plain:
    """A row that fits, but for one place."""
    known: Layout[object] = layout(cls)
    row = [known.version, *draw(st.tuples(*map(_fitting, known.shapes)))]
    place = draw(st.integers(0, len(row)))
    if place == len(row):
        ends: list[Plain] = [row[:-1], [*row, 0], *ODD]
        return ends[draw(st.integers(0, len(ends) - 1))]
    edges = ODD if place == 0 else _edges(known.shapes[place - 1])
    row[place] = draw(st.sampled_from(edges))
    return row


def _told(ask: Callable[[T], object], asked: T) -> tuple[str, object]:
    try:
        return "", ask(asked)
    except Malformed as fault:
        return str(fault), None
    except AssertionError:
        return "a bug of ours", None


def _plain(shape: Shape) -> Plain:
    """The first thing that fits."""
    if isinstance(shape, Nested):
        return _plain_row(shape.cls)
    found = (
        item for item in [*_edges(shape), bytes(16), "abc"] if not _told(shape.unpack, item)[0]
    )
    return next(found)


def _plain_row(cls: type) -> list[Plain]:
    known: Layout[object] = layout(cls)
    return [known.version, *map(_plain, known.shapes)]


@pytest.mark.parametrize("cls", RECORDS, ids=lambda cls: cls.__name__)
def test_every_edge_of_every_field_is_where_the_shape_has_it(cls: type) -> None:
    known: Layout[object] = layout(cls)
    record = known.unpack(_plain_row(cls))
    for place, (name, shape) in enumerate(zip(known.names, known.shapes, strict=True), start=1):
        for edge in _edges(shape):
            plain = _plain_row(cls)
            plain[place] = edge
            assert _told(known.unpack, plain) == _told(known.careful.unpack, plain)
            other = changed(record, **{name: edge})
            assert _told(known.pack, other) == _told(known.careful.pack, other)


@pytest.mark.parametrize("cls", RECORDS, ids=lambda cls: cls.__name__)
def test_it_reads_as_the_shapes_do(cls: type) -> None:
    known: Layout[object] = layout(cls)

    @settings(max_examples=50, deadline=None)
    @given(plain=_bent(cls))
    def hold(plain: Plain) -> None:
        told = _told(known.unpack, plain)
        assert told == _told(known.careful.unpack, plain)
        if not told[0]:
            assert type(told[1]) is cls
            assert known.pack(told[1]) == plain == known.careful.pack(told[1])

    hold()


@pytest.mark.parametrize("cls", RECORDS, ids=lambda cls: cls.__name__)
def test_it_writes_as_the_shapes_do(cls: type) -> None:
    known: Layout[object] = layout(cls)
    items: st.SearchStrategy[object] = st.sampled_from([*ODD, (), (1, 2)])

    @settings(max_examples=50, deadline=None)
    @given(row=_row(cls), place=st.integers(0, 99), item=items)
    def hold(row: list[Plain], place: int, item: object) -> None:
        told, record = _told(known.unpack, row)
        if told or not known.names:
            return
        other = changed(record, **{known.names[place % len(known.names)]: item})
        assert type(other) is cls
        assert _told(known.pack, other) == _told(known.careful.pack, other)

    hold()


def test_a_record_of_another_class_is_a_bug_of_ours() -> None:
    other = layout(ReportUptime).careful.make(1, 2, 3)
    for pack in (layout(Farm).pack, layout(Farm).careful.pack):
        with pytest.raises(AssertionError):
            pack(other)
