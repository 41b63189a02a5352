"""Uptime of all nodes of the public chain in a period, those that nobody put to sleep all at once.

Regular is a node without a power change whose every report that counts moves the last one: as
expected, after a reboot, or too high. All others, few, are walked through row by row.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from tfchain.base.units import NodeId
from tfchain.chain.columns.public_rows import AFTER, Happened, Numbers, Row, Rows
from tfchain.chain.columns.public_walk import CAP, GRACE, SKEW, Walk
from tfchain.ledger.uptime import CLOCK_SKEW, NONE, UPTIME_TOO_HIGH, PowerState

CHUNK_ROWS: Final = 1 << 16
"""Rows that are looked at together: their columns stay in a core's own cache."""

Mask: TypeAlias = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Uptime:
    """What a node's period came to before its wake requests and its twin are judged."""

    total: int = 0
    violation: int = NONE
    slow_boots: int = 0
    wake_at: int | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """The period, and when its first block was made."""

    start: int
    end: int
    first_block: int


def uptimes(
    happened: Happened,
    power: Mapping[NodeId, PowerState],
    span: Span,
    chunk_rows: int = CHUNK_ROWS,
) -> dict[int, Uptime]:
    """The uptime of every node that has rows; of all others it is none.

    `chunk_rows` are looked at together, or one node's, whichever is more.
    """
    rows, found = happened.rows, dict[int, Uptime]()
    asleep = [node for node, state in power.items() if not state.state_up]
    walked = _powered(rows) | np.isin(rows.nodes, asleep)
    for first, last in _chunks(rows.begins, chunk_rows):
        totals, violations, odd = _together(rows, first, last, span)
        walked[first:last] |= odd
        nodes = rows.nodes[first:last].tolist()
        found |= dict(zip(nodes, map(Uptime, totals.tolist(), violations.tolist()), strict=True))
    for place in np.flatnonzero(walked).tolist():
        node = NodeId(int(rows.nodes[place]))
        found[node] = _walked(rows.of(place), power.get(node), span)
    for node, own in happened.wide.items():
        found[node] = _walked(own, power.get(node), span)
    return found


def _walked(rows: Iterable[Row], power: PowerState | None, span: Span) -> Uptime:
    walk = Walk(start=span.start, end=span.end)
    if power is not None:
        walk.up, walk.wanted_up = power.state_up, power.target_up
        if not power.state_up:
            walk.slept_at = power.down_at
            walk.wake_at = span.first_block if power.target_up else None
    walk.go(rows)
    return Uptime(walk.total, walk.violation, walk.slow_boots, walk.wake_at)


def _powered(rows: Rows) -> Mask:
    """Which nodes have a row that is no report."""
    found = np.zeros(rows.nodes.shape, dtype=np.bool_)
    places = np.flatnonzero(rows.kinds & ~np.uint8(AFTER))
    found[np.searchsorted(rows.begins, places, side="right") - 1] = True
    return found


def _chunks(begins: Numbers, most: int) -> Iterator[tuple[int, int]]:
    """Nodes whose rows are looked at together: the first, and the one after the last."""
    first, nodes = 0, begins.size - 1
    while first < nodes:
        last = int(np.searchsorted(begins, begins[first] + most, side="right")) - 1
        last = max(last, first + 1)
        yield first, last
        first = last


def _before(column: Numbers) -> Numbers:
    """Of each row the number in the row before it; its own of the very first."""
    return np.concatenate((column[:1], column[:-1]))


def _together(rows: Rows, first: int, last: int, span: Span) -> tuple[Numbers, Numbers, Mask]:
    """Totals and first violations of nodes as if all were regular, and which of them are not."""
    low, high = int(rows.begins[first]), int(rows.begins[last])
    heads = rows.begins[first:last] - low
    time = rows.times[low:high].astype(np.int64)
    uptime = rows.uptimes[low:high].astype(np.int64)
    step = _stepped(time, uptime, heads)
    step.credits[heads] = np.minimum(step.credits[heads], np.maximum(time[heads] - span.start, 0))
    after = np.flatnonzero(rows.kinds[low:high] >= AFTER)
    if after.size:
        _settle(step, after, np.isin(after, heads, assume_unique=True), span.end)
    totals: Numbers = np.add.reduceat(step.credits, heads)
    assert totals.dtype == np.int64, "a sum that widened is a sum that may be inexact"
    odd: Mask = np.zeros(heads.shape, dtype=np.bool_)
    odd[_owners(heads, np.flatnonzero(step.odd))] = True
    return totals, _violations(step, heads), odd


@dataclass(frozen=True, slots=True)
class _Steps:
    """Each row beside the one before it."""

    time: Numbers
    uptime: Numbers
    last: Numbers
    """When the row before it was."""
    high: Mask
    """It gained more than time passed: a violation, and no credit."""
    skewed: Mask
    """It tells of another boot than the one that was seen: a violation."""
    gaining: Mask
    """It is credited what it gained; all others what they told."""
    odd: Mask
    """It changes nothing, so that the row after it follows an earlier one."""
    credits: Numbers


def _stepped(time: Numbers, uptime: Numbers, heads: Numbers) -> _Steps:
    """All rows as if they were inside the period; a node's first has no row before it."""
    last = _before(time)
    passed = np.maximum(time - last, 0)
    gained = uptime - _before(uptime)
    over = gained - passed
    high, straight = over > GRACE, np.abs(over) <= GRACE
    high[heads] = straight[heads] = False
    gaining = straight & (gained > 0)
    booting = (uptime <= passed) & ~gaining & ~high
    booting[heads] = True
    credits_s = np.minimum(np.where(gaining, gained, uptime), CAP)
    credits_s[high] = 0
    return _Steps(
        time=time,
        uptime=uptime,
        last=last,
        high=high,
        skewed=straight & _has_moved(time - uptime, booting),
        gaining=gaining,
        odd=~(gaining | booting | high),
        credits=credits_s,
    )


def _has_moved(booted: Numbers, booting: Mask) -> Mask:
    """Whether a row's boot is not the one that the last boot before it showed."""
    boots = np.flatnonzero(booting)
    seen = np.repeat(booted[boots], np.diff(boots, append=booting.size))
    moved: Mask = np.abs(booted - _before(seen)) >= SKEW
    return moved


def _settle(step: _Steps, after: Numbers, first: Mask, end: int) -> None:
    """Past the end only the row after one inside counts, for what is left of the period.

    `after` are the rows past the end, `first` says before which of them their node has none.
    """
    follows = np.concatenate((np.zeros(1, dtype=np.bool_), after[1:] == after[:-1] + 1))
    counts = ~first & ~follows & (step.last[after] < end)
    silent, due = after[~counts], after[counts]
    step.credits[silent] = 0
    step.high[silent] = step.skewed[silent] = step.odd[silent] = False
    inside = np.maximum(step.uptime[due] - np.maximum(step.time[due] - end, 0), 0)
    credits_s = np.where(step.gaining[due], end - step.last[due], inside)
    step.credits[due] = np.where(step.high[due], 0, np.minimum(credits_s, CAP))
    step.odd[due] |= step.time[due] < end  # one that counts may follow it


def _owners(heads: Numbers, places: Numbers) -> Numbers:
    """The node of each row, by its place among the nodes."""
    return np.searchsorted(heads, places, side="right") - 1


def _violations(step: _Steps, heads: Numbers) -> Numbers:
    """The first violation of each node."""
    found = np.full(heads.shape, NONE, dtype=np.int64)
    places = np.flatnonzero(step.high | step.skewed)
    owners, firsts = np.unique(_owners(heads, places), return_index=True)
    found[owners] = np.where(step.high[places[firsts]], UPTIME_TOO_HIGH, CLOCK_SKEW)
    return found
