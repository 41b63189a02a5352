"""Uptime of all regular nodes at once: those that did nothing in a period but report on time.

Regular is a node without a power change whose every report, the first after the end included,
continues the one before: later, longer up, both by the same within grace, the boot within the skew
limit. All others are told, and go through `columns.uptime` one by one.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from tfchain.chain.columns.streams import (
    KIND,
    NODE,
    REPORT,
    TIME,
    TIME_MAX,
    UPTIME,
    Column,
    Stream,
    Table,
)
from tfchain.ledger.params import UptimeRow

Mask: TypeAlias = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Split:
    """Seconds of the regular nodes, and the rows of all others by node."""

    totals: dict[int, int]
    others: dict[int, Table]


def split(
    stream: Stream, limits: UptimeRow, start: int, end: int, gaps: tuple[tuple[int, int], ...] = ()
) -> Split:
    """Settle what is regular, hand back the rest: with `gaps`, also who may have been kept by one."""
    rows = stream.by_node()
    others = _rows_of(rows, sorted(_powered(rows) | stream.asleep.keys()))
    plain = _counting(rows[:, ~np.isin(rows[NODE], list(others))], end)
    if not plain.shape[1]:
        return Split({}, others)
    first = _first(plain[NODE])
    starts = np.flatnonzero(first)
    steady = _continues(plain, first, limits)
    if gaps:
        steady &= _brief(plain, first, limits)
    regular = np.logical_and.reduceat(steady, starts)
    sums = np.add.reduceat(_credits(plain, first, limits, start, end), starts)
    assert sums.dtype == np.int64, "a sum that widened is a sum that may be inexact"
    nodes = plain[NODE][starts]
    totals = dict(zip(nodes[regular].tolist(), sums[regular].tolist(), strict=True))
    return Split(totals, others | _rows_of(rows, nodes[~regular].tolist()))


def each(stream: Stream) -> dict[int, Table]:
    """All rows by node, where a period is not everybody's."""
    rows = stream.by_node()
    return _rows_of(rows, sorted(frozenset(rows[NODE].tolist()) | stream.asleep.keys()))


def _powered(rows: Table) -> frozenset[int]:
    return frozenset(rows[NODE][rows[KIND] != REPORT].tolist())


def _rows_of(rows: Table, nodes: list[int]) -> dict[int, Table]:
    """A node's own rows; the rows stand in node order."""
    left = np.searchsorted(rows[NODE], nodes, side="left").tolist()
    right = np.searchsorted(rows[NODE], nodes, side="right").tolist()
    spans = zip(nodes, left, right, strict=True)
    return {node: rows[:, begin:end] for node, begin, end in spans}


def _first(nodes: Column) -> Mask:
    """Where a node's rows begin."""
    first = np.ones(nodes.shape, dtype=np.bool_)
    first[1:] = nodes[1:] != nodes[:-1]
    return first


def _counting(rows: Table, end: int) -> Table:
    """Of the reports past the end only the one that follows a report inside counts."""
    inside = rows[TIME] < end
    follows = np.zeros(inside.shape, dtype=np.bool_)
    follows[1:] = inside[:-1] & (rows[NODE][1:] == rows[NODE][:-1])
    return rows[:, inside | follows]


def _step(column: Column) -> Column:
    """Each number less the one before it; 0 for the very first."""
    return np.diff(column, prepend=column[:1])


def _bound(seconds: int) -> int:
    """A constant that fits into a column: no difference of two times is larger."""
    return min(seconds, 2 * TIME_MAX)


def _continues(rows: Table, first: Mask, limits: UptimeRow) -> Mask:
    passed, ran = _step(rows[TIME]), _step(rows[UPTIME])
    booted = rows[TIME] - rows[UPTIME]
    origin = np.maximum.accumulate(np.where(first, np.arange(first.size), 0))
    drift = np.abs(booted - booted[origin])
    steady = (passed > 0) & (ran > 0) & (np.abs(ran - passed) <= _bound(limits.grace))
    regular: Mask = first | (steady & (drift < _bound(limits.skew)))
    return regular


def _brief(rows: Table, first: Mask, limits: UptimeRow) -> Mask:
    """Steps that no gap in the chain could add to: they stay below what a report credits anyhow."""
    cap = _bound(limits.report_interval + limits.grace)
    passed, ran = _step(rows[TIME]), _step(rows[UPTIME])
    brief: Mask = first | ((passed <= cap) & (ran <= cap))
    return brief


def _credits(
    rows: Table,
    first: Mask,
    limits: UptimeRow,
    start: int,
    end: int,
) -> Column:
    """What each row earns if its node is regular."""
    time, uptime = rows[TIME], rows[UPTIME]
    since_start = np.minimum(time - start, uptime)
    to_the_end = end - (time - _step(time))
    later = np.where(time < end, _step(uptime), to_the_end)
    cap = _bound(limits.report_interval + limits.grace)
    credits_s: Column = np.minimum(np.where(first, since_start, later), cap)
    return credits_s
