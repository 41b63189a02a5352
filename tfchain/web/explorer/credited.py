"""Which seconds of a period a node is credited for: intervals, a strip of them, and a calendar."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection, Row
from typing import Final

from markupsafe import Markup

from tfchain.web.explorer import cells
from tfchain.web.pages import parts, words
from tfchain.web.pages.charts import WHOLE, frame, percent, rectangle, share, writing
from tfchain.web.pages.parts import Cell, Exhibit, Table
from tfchain.web.pages.sections import Link, Section

DAY_S: Final = 86_400
DAYS_FROM_S: Final = 7 * DAY_S
"""A period as long as this is shown by days, a shorter one in as many equal parts as a month has days."""
PARTS: Final = 30
LINES_MAX: Final = 5_000
"""A node that reports every 40 minutes has 1,100 lines a month."""
_WEEK: Final = 7
_TEN: Final = 10
_CELL_PX: Final = 34
_GAP_PX: Final = 4
_FULL: Final = 1_000
_NEARLY: Final = 950


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Seconds from `since` until before `until`, of which `seconds` are credited."""

    since: int
    until: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A node's period: it is known until `known`, and is settled or goes on."""

    start: int
    end: int
    known: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A day of a period, or a part of a shorter one; None where it is not known yet."""

    since: int
    until: int
    credited: int | None

    @property
    def permille(self) -> int:
        """Of its seconds, how many of a thousand."""
        return (self.credited or 0) * _FULL // max(1, self.until - self.since)


def lines_of(rows: Connection, node: int, start: int) -> list[Row]:
    """All of a period, oldest first."""
    return rows.execute(
        "SELECT * FROM lines WHERE node_id = ? AND start = ? ORDER BY height, position LIMIT ?",
        (node, start, LINES_MAX),
    ).fetchall()


def spans_of(lines: Sequence[Row]) -> list[Span]:
    """What lines credit; those that touch are one."""
    found: list[Span] = []
    rows = [row for row in lines if row["credited"] and row["until"] > row["since"]]
    for row in sorted(rows, key=lambda one: int(one["since"])):
        span = Span(since=row["since"], until=row["until"], seconds=row["credited"])
        if found and found[-1].until == span.since:
            last = found.pop()
            span = Span(since=last.since, until=span.until, seconds=last.seconds + span.seconds)
        found.append(span)
    return found


def gaps_of(spans: Sequence[Span], period: Period) -> list[Span]:
    """The times in between that nothing is credited for, as far as the period is known."""
    found, at = [], period.start
    last = min(period.end, period.known)
    for span in spans:
        if span.since > at:
            found.append(Span(since=at, until=span.since, seconds=0))
        at = max(at, span.until)
    if at < last:
        found.append(Span(since=at, until=last, seconds=0))
    return found


def parts_of(spans: Sequence[Span], period: Period) -> list[Part]:
    """The period's days."""
    length = period.end - period.start
    step = DAY_S if length >= DAYS_FROM_S else max(1, -(-length // PARTS))
    return [
        _part(spans, period, since, min(since + step, period.end))
        for since in range(period.start, period.end, step)
    ]


def _part(spans: Sequence[Span], period: Period, since: int, until: int) -> Part:
    if since >= period.known:
        return Part(since=since, until=until, credited=None)
    found = 0
    for span in spans:
        both = min(span.until, until) - max(span.since, since)
        if both > 0:
            found += span.seconds * both // (span.until - span.since)
    return Part(since=since, until=until, credited=min(found, until - since))


def period_of(rows: Connection, node: int, start: int) -> Period | None:
    """A period that the node has an account or a receipt of; None where it has neither."""
    known = rows.execute("SELECT max(time_ms) / 1000 FROM blocks").fetchone()[0] or 0
    settled = rows.execute(
        'SELECT start, "end" FROM receipts WHERE node_id = ? AND start = ?', (node, start)
    ).fetchone()
    if settled is not None:
        return Period(start=start, end=settled["end"], known=known)
    row = rows.execute("SELECT json FROM uptimes WHERE node_id = ?", (node,)).fetchone()
    held = {} if row is None else json.loads(row["json"])
    for account in (held.get("running"), held.get("ended")):
        if account is not None and account["start"] == start:
            return Period(start=start, end=account["end"], known=min(known, account["last_at"]))
    return None


def newest(rows: Connection, node: int) -> list[Section]:
    """The calendar of the newest period that the node has lines of; none where it has none."""
    query = "SELECT max(start) AS start FROM lines WHERE node_id = ?"
    start = rows.execute(query, (node,)).fetchone()["start"]
    period = None if start is None else period_of(rows, node, start)
    if period is None:
        return []
    return [section(node, period, spans_of(lines_of(rows, node, period.start)))]


def section(node: int, period: Period, spans: Sequence[Span], *, leading: bool = True) -> Section:
    """The calendar of a period with its numbers beside it."""
    name = f"uptime-{period.start}"
    found = parts_of(spans, period)
    said = words.period(period.start, period.end)
    credited = sum(span.seconds for span in spans)
    due = max(0, min(period.end, period.known) - period.start)
    told = f"{credited:,} of {due:,} seconds are credited"
    told += "." if period.known >= period.end else " so far."
    exhibit = Exhibit(
        drawn=calendar(name, said, told, found, period),
        caption="Full colour: every second credited. Red: nothing. Only a frame: not yet known.",
        table=_table(name, found, said),
    )
    statement = Link(label="The whole statement", href=cells.statement_at(node, period.start))
    return Section(
        id=name,
        title=f"Uptime, {said} UTC",
        told=told,
        exhibit=exhibit,
        pager=[statement] if leading else [],
    )


def calendar(name: str, title: str, told: str, found: Sequence[Part], period: Period) -> Markup:
    """A square for each part, weeks or tens below each other."""
    across = _WEEK if period.end - period.start >= DAYS_FROM_S else _TEN
    pitch = _CELL_PX + _GAP_PX
    drawn = []
    for place, part in enumerate(found):
        row, column = divmod(place, across)
        left = percent(column * WHOLE // across)
        wide = percent(WHOLE // across - 100)
        drawn.append(rectangle(left, row * pitch, wide, _CELL_PX, _shade(part), 4))
        middle = percent(column * WHOLE // across + WHOLE // across // 2 - 50)
        drawn.append(
            writing(middle, row * pitch + _CELL_PX // 2 + 4, "middle", f"{place + 1}", _ink(part))
        )
    rows = -(-len(found) // across)
    return frame(
        f"{name}-chart", f"Uptime by day, {title}", told, rows * pitch, Markup().join(drawn)
    )


def _shade(part: Part) -> str:
    if part.credited is None:
        return "unknown"
    if part.permille >= _FULL:
        return "accent"
    if part.permille >= _NEARLY:
        return "accent nearly"
    return "quiet" if part.permille else "bad"


def _ink(part: Part) -> str:
    if part.credited is None or 0 < part.permille < _NEARLY:
        return "value"
    return "on"


def strip(name: str, title: str, told: str, spans: Sequence[Span], period: Period) -> Markup:
    """The credited intervals along the period."""
    length = period.end - period.start
    drawn = [rectangle("0", 0, "100%", 22, "track", 3)]
    for span in spans:
        left = share(span.since - period.start, length)
        drawn.append(
            rectangle(
                percent(left), 0, percent(share(span.until - span.since, length)), 22, "accent", 0
            )
        )
    drawn += [
        writing("0", 40, "start", words.utc(period.start), "label"),
        writing("100%", 40, "end", words.utc(period.end).rpartition(" ")[2], "label"),
    ]
    return frame(f"{name}-chart", title, told, 46, Markup().join(drawn))


def _table(name: str, found: Sequence[Part], said: str) -> Table:
    return Table(
        id=f"{name}-table",
        caption=f"Credited in each part of {said} (UTC)",
        columns=parts.words("#Part", "From", "#Seconds", "#Credited", "#Uptime"),
        rows=[_row(place, part) for place, part in enumerate(found, start=1)],
        look="dense",
    )


def _row(place: int, part: Part) -> parts.Row:
    known = part.credited is not None
    return parts.row(
        f"{place}",
        words.utc(part.since),
        f"{part.until - part.since:,}",
        f"{part.credited:,}" if known else "not yet",
        Cell(
            text=words.percent(part.permille) if known else "",
            tone="" if part.permille >= _NEARLY or not known else "bad",
        ),
    )
