"""Uptime of all nodes of the public chain in a period, those that nobody put to sleep all at once.

Regular is a node without a power change whose every report that counts moves the last one: as
expected, after a reboot, or too high. All others, few, are walked through row by row.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from tfchain.base.units import U32_MAX, NodeId
from tfchain.chain.columns.public_rows import AFTER, REPORT, Happened, Narrow, Numbers, Row, Rows
from tfchain.chain.columns.public_walk import CAP, GRACE, SKEW, Walk
from tfchain.ledger.uptime import CLOCK_SKEW, NONE, UPTIME_TOO_HIGH, PowerState

CHUNK_ROWS: Final = 1 << 16
"""Rows that are looked at together: their columns stay in a core's own cache."""
NARROW: Final = 1 << 29
"""Where times since the start and uptimes are below it, in seconds, 32 bits hold the difference of
any two boots, each of them a time less an uptime."""

Column: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int32 | np.int64]]
"""Of 64 bits, or of 32 where that is enough."""
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

    @property
    def length(self) -> int:
        return self.end - self.start


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
    places = np.flatnonzero(rows.kinds & ~np.uint8(AFTER) != REPORT)
    return _marked(rows.nodes.size, _owners(rows.begins, places))


def _chunks(begins: Numbers, most: int) -> Iterator[tuple[int, int]]:
    """Nodes whose rows are looked at together: the first, and the one after the last."""
    first, nodes = 0, begins.size - 1
    while first < nodes:
        last = int(np.searchsorted(begins, begins[first] + most, side="right")) - 1
        last = max(last, first + 1)
        yield first, last
        first = last


def _together(rows: Rows, first: int, last: int, span: Span) -> tuple[Numbers, Numbers, Mask]:
    """Totals and first violations of nodes as if all were regular, and which of them are not."""
    low, high = int(rows.begins[first]), int(rows.begins[last])
    heads = rows.begins[first:last] - low
    time, uptime = _since(rows.times[low:high], rows.uptimes[low:high], span.start)
    steps = _stepped(time, uptime, heads)
    steps.credits[heads] = np.minimum(steps.credits[heads], np.maximum(time[heads], 0))
    after = np.flatnonzero(rows.kinds[low:high] >= AFTER)
    if after.size:
        steps = _settled(steps, after, _marked(time.size, heads)[after], span.length)
    totals: Numbers = np.add.reduceat(steps.credits, heads, dtype=np.int64)
    odd = _marked(heads.size, _owners(heads, steps.odd))
    return totals, _violations(steps, heads), odd


def _since(times: Narrow, uptimes: Narrow, start: int) -> tuple[Column, Column]:
    """Times since the start, and uptimes: in 32 bits where all sums and differences fit, else in 64."""
    low, high = int(times.min()) - start, int(times.max()) - start
    if low > -NARROW and high < NARROW and int(uptimes.max()) < NARROW:
        since = times - np.uint32(start % (U32_MAX + 1))  # wraps to the difference's own 32 bits
        return since.view(np.int32), uptimes.astype(np.int32)
    return times.astype(np.int64) - start, uptimes.astype(np.int64)


@dataclass(frozen=True, slots=True)
class _Steps:
    """Each row beside the one before it. What few rows are is told by their places."""

    time: Column
    uptime: Column
    last: Column
    """When the row before it was."""
    gaining: Mask
    """It is credited what it gained; all others what they told."""
    high: Numbers
    """It gained more than time passed: a violation, and no credit."""
    skewed: Numbers
    """It tells of another boot than the one that was seen: a violation."""
    odd: Numbers
    """It changes nothing, so that the row after it follows an earlier one."""
    credits: Column


def _stepped(time: Column, uptime: Column, heads: Numbers) -> _Steps:
    """All rows as if they were inside the period; a node's first has no row before it."""
    last = _before(time)
    passed = np.maximum(time - last, 0)
    gained = uptime - _before(uptime)
    straight = np.abs(gained - passed) <= GRACE
    straight[heads] = False
    gaining = straight & (gained > 0)
    credits_s = np.minimum(gained, CAP)
    rest = np.flatnonzero(~gaining)
    high = gained[rest] - passed[rest] > GRACE
    booting = (uptime[rest] <= passed[rest]) & ~high
    first = np.searchsorted(rest, heads)  # a first row gains nothing: it is among the rest
    high[first], booting[first] = False, True
    credits_s[rest] = np.where(high, 0, np.minimum(uptime[rest], CAP))
    moved = _has_moved(time - uptime, rest[booting])
    return _Steps(
        time=time,
        uptime=uptime,
        last=last,
        gaining=gaining,
        high=rest[high],
        skewed=np.flatnonzero(straight & moved),
        odd=rest[~(booting | high)],
        credits=credits_s,
    )


def _before(column: Column) -> Column:
    """Of each row the number in the row before it; its own of the very first."""
    return np.concatenate((column[:1], column[:-1]))


def _has_moved(booted: Column, boots: Numbers) -> Mask:
    """Whether a row's boot is not the one that the last boot before it showed."""
    seen = np.repeat(booted[boots], np.diff(boots, append=booted.size))
    moved: Mask = np.abs(booted - _before(seen)) >= SKEW
    return moved


def _settled(steps: _Steps, after: Numbers, first: Mask, end: int) -> _Steps:
    """Past the end only the row after one inside counts, for what is left of the period.

    `after` are the rows past the end, `first` says before which of them their node has none.
    """
    follows = np.concatenate((np.zeros(1, dtype=np.bool_), after[1:] == after[:-1] + 1))
    counts = ~first & ~follows & (steps.last[after] < end)
    silent, due = after[~counts], after[counts]
    inside = np.maximum(steps.uptime[due] - np.maximum(steps.time[due] - end, 0), 0)
    credits_s = np.minimum(np.where(steps.gaining[due], end - steps.last[due], inside), CAP)
    steps.credits[due] = np.where(_marked(steps.time.size, steps.high)[due], 0, credits_s)
    steps.credits[silent] = 0
    loud = ~_marked(steps.time.size, silent)
    early = due[steps.time[due] < end]  # one that counts may follow it
    return replace(
        steps,
        high=steps.high[loud[steps.high]],
        skewed=steps.skewed[loud[steps.skewed]],
        odd=np.concatenate((steps.odd[loud[steps.odd]], early)),
    )


def _marked(size: int, places: Numbers) -> Mask:
    marked: Mask = np.zeros(size, dtype=np.bool_)
    marked[places] = True
    return marked


def _owners(heads: Numbers, places: Numbers) -> Numbers:
    """The node of each row, by its place among the nodes."""
    return np.searchsorted(heads, places, side="right") - 1


def _violations(steps: _Steps, heads: Numbers) -> Numbers:
    """The first violation of each node."""
    found = np.full(heads.shape, NONE, dtype=np.int64)
    places = np.concatenate((steps.high, steps.skewed))
    order = np.argsort(places)
    owners, firsts = np.unique(_owners(heads, places[order]), return_index=True)
    found[owners] = np.where(order[firsts] < steps.high.size, UPTIME_TOO_HIGH, CLOCK_SKEW)
    return found
