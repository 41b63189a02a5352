"""Charts as inline SVG, drawn by hand: rectangles and text need no library and no script.

Across, everything is in percent of the width, so that a chart fits a phone and a sheet of paper with
text of one size; down, in pixels. Colours come from the page's style sheet, so that a chart turns
dark with the page. Each has a title and a description for those who hear it, and the page puts its
numbers beside it. The names in them are strangers': `markupsafe` escapes whatever is put in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from tfchain.web.pages.words import short

WHOLE: Final = 10_000
"""Parts of the width: a share is in hundredths of a percent."""
LABEL_MAX: Final = 24
"""Characters of a name that fit beside its value on a phone."""

ROW_PX: Final = 40
BAR_PX: Final = 10
TEXT_PX: Final = 14
COLUMNS_PX: Final = 220
BASE_PX: Final = 188
TOP_PX: Final = 28
COLUMN_MAX: Final = 1_200
LABELS_MAX: Final = 6
"""Columns that each have room for a label on a phone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar: `value` of the chart's largest, and the first `lead` of it in the quiet colour."""

    label: str
    value: int
    shown: str
    lead: int = 0
    tone: str = "accent"


def share(value: int, whole: int) -> int:
    """How much of the whole, in hundredths of a percent; something is never nothing."""
    if not whole or not value:
        return 0
    return max(1, WHOLE * value // whole)


def percent(part: int) -> str:
    """Hundredths of a percent as SVG writes them."""
    return f"{part // 100}.{part % 100:02d}%"


def bars(name: str, title: str, told: str, rows: Sequence[Bar]) -> Markup:
    """Horizontal bars, each with its label and its value above it."""
    most = max((row.value for row in rows), default=0)
    drawn = Markup().join(_bar(place * ROW_PX, row, most) for place, row in enumerate(rows))
    return frame(name, title, told, max(len(rows), 1) * ROW_PX, drawn)


def _bar(top: int, row: Bar, most: int) -> Markup:
    text, bar = top + TEXT_PX, top + TEXT_PX + 7
    width = share(row.value, most)
    parts = [
        writing("0", text, "start", short(row.label, LABEL_MAX), "label"),
        writing("100%", text, "end", row.shown, "value"),
        rectangle("0", bar, "100%", BAR_PX, "track"),
    ]
    if width:
        parts.append(rectangle("0", bar, percent(width), BAR_PX, row.tone))
    return Markup().join(parts)


def columns(name: str, title: str, told: str, rows: Sequence[Bar], top: str) -> Markup:
    """Columns side by side, as for what adds up over time; `top` names the highest value."""
    most = max((row.value for row in rows), default=0)
    parts = [
        _line(TOP_PX, "grid"),
        writing("0", TOP_PX - 8, "start", top, "label"),
    ]
    for place, row in enumerate(rows):
        parts += _column(place, len(rows), row, most)
    parts.append(_line(BASE_PX, "axis"))
    return frame(name, title, told, COLUMNS_PX, Markup().join(parts))


def _column(place: int, count: int, row: Bar, most: int) -> list[Markup]:
    slot = WHOLE // count
    width = min(slot * 7 // 10, COLUMN_MAX)
    left = place * slot + (slot - width) // 2
    tall = _height(row.value, most)
    quiet = _height(row.lead, most)
    drawn = []
    if tall > quiet:
        drawn.append(
            rectangle(percent(left), BASE_PX - tall, percent(width), tall - quiet, row.tone, 2)
        )
    if quiet:
        drawn.append(rectangle(percent(left), BASE_PX - quiet, percent(width), quiet, "quiet", 2))
    if count <= LABELS_MAX:
        middle = percent(place * slot + slot // 2)
        drawn.append(writing(middle, BASE_PX + 20, "middle", row.label, "label"))
    elif place == 0:
        drawn.append(writing("0", BASE_PX + 20, "start", row.label, "label"))
    elif place == count - 1:
        drawn.append(writing("100%", BASE_PX + 20, "end", row.label, "label"))
    return drawn


def _height(value: int, most: int) -> int:
    if not most or not value:
        return 0
    return max(1, (BASE_PX - TOP_PX) * value // most)


def frame(name: str, title: str, told: str, height: int, drawn: Markup) -> Markup:
    """A chart: its title, its description for those who hear it, and what is drawn."""
    return Markup(
        '<svg class="chart" width="100%" height="{height}" role="img" '
        'aria-labelledby="{name}-title {name}-told">'
        '<title id="{name}-title">{title}</title><desc id="{name}-told">{told}</desc>{drawn}</svg>'
    ).format(name=name, title=title, told=told, height=height, drawn=drawn)


def rectangle(x: str, y: int, width: str, height: int, tone: str, round_px: int = 5) -> Markup:
    """A rectangle in a colour of the style sheet."""
    return Markup(
        '<rect class="{tone}" x="{x}" y="{y}" width="{width}" height="{height}" rx="{rx}"/>'
    ).format(tone=tone, x=x, y=y, width=width, height=height, rx=round_px)


def _line(y: int, tone: str) -> Markup:
    return Markup('<line class="{tone}" x1="0" x2="100%" y1="{y}" y2="{y}"/>').format(
        tone=tone, y=y
    )


def writing(x: str, y: int, anchor: str, text: str, tone: str) -> Markup:
    """A line of text."""
    return Markup(
        '<text class="{tone}" x="{x}" y="{y}" text-anchor="{anchor}">{text}</text>'
    ).format(tone=tone, x=x, y=y, anchor=anchor, text=text)
