"""A recorded period whose uptime stands in columns of bytes behind the line that states the rest.

A month of the whole public chain has six million reports: as JSON they take seconds to read, as
columns none. The line's `input` has `columns` (of how many nodes, how many rows) and `events` (all
that is no node's uptime, in order) where a recorded period has `blocks` and `post`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from tfchain.base.units import NodeId, Seconds
from tfchain.chain.columns.public_rows import (
    AFTER,
    REPORT,
    STATE_DOWN,
    STATE_UP,
    TARGET_UP,
    Happened,
    Row,
    Rows,
    bytes_of,
    happened,
)
from tfchain.chain.grid_events import (
    Event,
    GridBlock,
    PeriodInput,
    StateMoved,
    TargetMoved,
    UptimeSaid,
)
from tfchain.chain.grid_input import read_counts, read_period
from tfchain.errors import Malformed

NODES_MAX: Final = 1_000_000
ROWS_MAX: Final = 32_000_000
"""Ten thousand nodes that report every 40 minutes tell 11 million times a month."""
_OF_UPTIME: Final = frozenset({"NodeUptimeReported", "PowerStateChanged", "PowerTargetChanged"})


@dataclass(frozen=True, slots=True)
class Recorded:
    """A period, and what happened in it if that came as columns."""

    period: PeriodInput
    """Its blocks may be gone through again and again."""
    known: Happened | None


def columns_due(plain: object) -> int:
    """How many bytes follow the line with this `input`; 0 where its events stand in it."""
    counts = _counts(plain)
    return 0 if counts is None else bytes_of(*counts)


def read_recorded(plain: object, columns: bytes) -> Recorded:
    """The period of a line, and of the columns behind it if there are any; raises `Malformed`."""
    counts = _counts(plain)
    if counts is None:
        return Recorded(read_period(plain), None)
    period, others = _without_uptime(plain)
    try:
        rows = Rows.decode(columns, *counts)
    except ValueError as fault:
        raise Malformed(f"columns: {fault}") from fault
    known = Happened(rows, {}, others)
    inside, after = _Blocks(rows, 0, others), _Blocks(rows, AFTER, ())
    return Recorded(replace(period, blocks=inside, post=after), known)


def as_columns(plain: dict[str, object], period: PeriodInput) -> tuple[dict[str, object], bytes]:
    """The `input` and the columns of a period that was read from a plain one.

    Raises:
        Malformed: a number that takes more than 32 bits, or an input that has columns.
    """
    if "columns" in plain:
        raise Malformed("input: its uptime stands in columns already")
    told = happened(period)
    if told.wide:
        raise Malformed(f"node {min(told.wide)}: columns hold no number of more than 32 bits")
    nodes, rows = told.rows.nodes.size, told.rows.kinds.size
    rest = {name: value for name, value in plain.items() if name not in {"blocks", "post"}}
    counts = {"nodes": nodes, "rows": rows}
    return rest | {"events": list(_others(plain)), "columns": counts}, told.rows.encode()


def _counts(plain: object) -> tuple[int, int] | None:
    if type(plain) is not dict or "columns" not in plain:
        return None
    return read_counts(plain["columns"], NODES_MAX, ROWS_MAX)


def _without_uptime(plain: object) -> tuple[PeriodInput, tuple[Event, ...]]:
    """A period without blocks, and its events that are no node's uptime."""
    assert type(plain) is dict, "it has counts"
    for name in ("blocks", "post"):
        if name in plain:
            raise Malformed(f"{name} beside columns: a period has one or the other")
    block = {"ts": 0, "events": plain.get("events")}  # their times do not matter to any of them
    period = read_period(plain | {"blocks": [block], "post": []})
    [told] = period.blocks
    if any(isinstance(event, UptimeSaid | TargetMoved | StateMoved) for event in told.events):
        raise Malformed("events: uptime and power stand in the columns")
    return replace(period, blocks=()), told.events


def _others(plain: dict[str, object]) -> Iterator[object]:
    """Events that are no node's uptime, as they stand; the period was read, so it has its shape."""
    blocks = plain["blocks"]
    assert type(blocks) is list
    for block in blocks:
        yield from (event for event in block["events"] if not _OF_UPTIME.intersection(event))


@dataclass(frozen=True, slots=True)
class _Blocks:
    """The rows of a period or those past its end as blocks of one event each, a node after another.

    No node's receipt depends on what another one did, so that their order does not matter.
    """

    rows: Rows
    after: int
    others: tuple[Event, ...]

    def __iter__(self) -> Iterator[GridBlock]:
        yield GridBlock(time=Seconds(0), events=self.others)
        for place, node in enumerate(self.rows.nodes.tolist()):
            for row in self.rows.of(place):
                if row[0] & AFTER == self.after:
                    yield GridBlock(time=Seconds(row[1]), events=(_event(NodeId(node), row),))


def _event(node: NodeId, row: Row) -> Event:
    kind, time, uptime = row
    what = kind & ~AFTER
    if what == REPORT:
        return UptimeSaid(node_id=node, t=Seconds(time), uptime=Seconds(uptime))
    if what in {STATE_DOWN, STATE_UP}:
        return StateMoved(node_id=node, up=what == STATE_UP)
    return TargetMoved(node_id=node, up=what == TARGET_UP)
