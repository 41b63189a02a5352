"""Uptime of all regular nodes at once: those that did nothing in a period but report.

Regular is a node without a power change whose every report, the first after the end included, is
later than the one before and continues it (longer up by as much within grace, the boot within the
skew limit), or tells of a machine that was started since. All others are told, and go through
`columns.uptime` one by one.
"""

from dataclasses import dataclass

import numpy as np

from tfchain.chain.columns.streams import (
    KIND,
    NODE,
    PART_ROWS,
    REPORT,
    TIME,
    TIME_MAX,
    UPTIME,
    Column,
    Mask,
    Stream,
    Table,
)
from tfchain.ledger.params import UptimeRow


@dataclass(frozen=True, slots=True)
class Split:
    """Seconds of the regular nodes, and the rows of all others by node."""

    totals: dict[int, int]
    others: dict[int, Table]


def split(
    stream: Stream,
    limits: UptimeRow,
    start: int,
    end: int,
    gaps: tuple[tuple[int, int], ...] = (),
    part_rows: int = PART_ROWS,
) -> Split:
    """Settle what is regular, hand back the rest: with `gaps`, also who may have been kept by one."""
    found = Split({}, {})
    for nodes, rows in stream.parts(part_rows):
        asleep = frozenset(node for node in stream.asleep if node in nodes)
        part = _part(rows, asleep, limits, start, end, gaps)
        found.totals.update(part.totals)
        found.others.update({node: table.copy() for node, table in part.others.items()})
    return found


def _part(
    rows: Table,
    asleep: frozenset[int],
    limits: UptimeRow,
    start: int,
    end: int,
    gaps: tuple[tuple[int, int], ...],
) -> Split:
    others = _rows_of(rows, sorted(_powered(rows) | asleep))
    plain = _counting(rows[:, ~np.isin(rows[NODE], list(others))], end)
    if not plain.shape[1]:
        return Split({}, others)
    first = _first(plain[NODE])
    starts = np.flatnonzero(first)
    booted = first | _boots(plain, limits)
    steady = booted | _continues(plain, booted, limits)
    if gaps:
        steady &= _brief(plain, booted, limits)
    regular = np.logical_and.reduceat(steady, starts)
    credits_s = np.where(booted, _after_boot(plain, end), _gained(plain, end))
    credits_s[starts] = np.minimum(plain[TIME] - start, plain[UPTIME])[starts]
    cap = _bound(limits.report_interval + limits.grace)
    sums = np.add.reduceat(np.minimum(credits_s, cap), starts)
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


def _boots(rows: Table, limits: UptimeRow) -> Mask:
    """Whether a row tells of a start since the row before, and cannot be taken to continue it."""
    passed, ran = _step(rows[TIME]), _step(rows[UPTIME])
    apart = np.abs(ran - passed) > _bound(limits.grace)
    boots: Mask = (passed > 0) & (rows[UPTIME] <= passed) & apart
    return boots


def _continues(rows: Table, booted: Mask, limits: UptimeRow) -> Mask:
    """Whether a row goes on from the row before, in the boot that the last of `booted` showed."""
    passed, ran = _step(rows[TIME]), _step(rows[UPTIME])
    origin = np.maximum.accumulate(np.where(booted, np.arange(booted.size), 0))
    since = rows[TIME] - rows[UPTIME]
    drift = np.abs(since - since[origin])
    steady = (passed > 0) & (ran > 0) & (np.abs(ran - passed) <= _bound(limits.grace))
    regular: Mask = steady & (drift < _bound(limits.skew))
    return regular


def _brief(rows: Table, booted: Mask, limits: UptimeRow) -> Mask:
    """Steps that no gap in the chain could add to: they stay below what a report credits anyhow.

    Nothing is ever added to what a machine ran since it was started.
    """
    cap = _bound(limits.report_interval + limits.grace)
    passed, ran = _step(rows[TIME]), _step(rows[UPTIME])
    brief: Mask = booted | ((passed <= cap) & (ran <= cap))
    return brief


def _gained(rows: Table, end: int) -> Column:
    """Seconds since the row before, as the node counted them; up to the end, as the chain did."""
    to_the_end = end - (rows[TIME] - _step(rows[TIME]))
    gained: Column = np.where(rows[TIME] < end, _step(rows[UPTIME]), to_the_end)
    return gained


def _after_boot(rows: Table, end: int) -> Column:
    """Seconds since the start, without those past the end."""
    past = np.maximum(rows[TIME] - end, 0)
    inside: Column = np.maximum(rows[UPTIME] - past, 0)
    return inside
