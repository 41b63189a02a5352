"""Charts: what is drawn is in proportion, what is small is still seen, what is a name is no markup."""

import re
from xml.etree.ElementTree import Element, fromstring

import pytest
from markupsafe import Markup

from tfchain.web.pages import words
from tfchain.web.pages.charts import LABEL_MAX, Bar, bars, columns, percent, share


def _bar(label: str, value: int, lead: int = 0) -> Bar:
    return Bar(label=label, value=value, shown=f"{value}", lead=lead)


def _parsed(drawn: Markup) -> Element:
    return fromstring(str(drawn))  # our own text, a moment ago


def _texts(drawn: Markup) -> list[str]:
    return ["".join(text.itertext()) for text in _parsed(drawn).iter("text")]


@pytest.mark.parametrize(
    ("value", "whole", "drawn"),
    [
        pytest.param(0, 10, "0.00%", id="nothing"),
        pytest.param(10, 10, "100.00%", id="all"),
        pytest.param(1, 3, "33.33%", id="rounded down"),
        pytest.param(1, 10**12, "0.01%", id="something is never nothing"),
        pytest.param(0, 0, "0.00%", id="nothing of nothing"),
    ],
)
def test_a_share(value: int, whole: int, drawn: str) -> None:
    assert percent(share(value, whole)) == drawn


def test_bars_are_in_proportion_and_say_what_they_are() -> None:
    drawn = bars("c", "Pay", "Two farms.", [_bar("one", 100), _bar("two", 25), _bar("none", 0)])
    root = _parsed(drawn)
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "c-title c-told"
    assert [root.findtext("title"), root.findtext("desc")] == ["Pay", "Two farms."]
    accents = [rect.get("width") for rect in root.iter("rect") if rect.get("class") == "accent"]
    assert accents == ["100.00%", "25.00%"]
    assert _texts(drawn) == ["one", "100", "two", "25", "none", "0"]


def test_a_name_in_a_chart_is_no_markup() -> None:
    name = "<script>\"&'"
    drawn = bars(name, name, name, [_bar(name, 1)])
    assert "<script" not in drawn
    assert _parsed(drawn).findtext("title") == name
    assert _texts(columns("c", "t", "d", [_bar(name, 1)], name)) == [name, name]


def test_a_long_name_is_cut() -> None:
    text = _texts(bars("c", "t", "d", [_bar("x" * 40, 1)]))[0]
    assert (len(text), text[-1]) == (LABEL_MAX, "\N{HORIZONTAL ELLIPSIS}")


def test_columns_stand_on_what_was_before() -> None:
    drawn = columns("c", "t", "d", [_bar("0/0", 50), _bar("0/1", 100, lead=50)], "100")
    rects = [
        (rect.get("class"), int(rect.get("height", ""))) for rect in _parsed(drawn).iter("rect")
    ]
    assert rects == [("accent", 80), ("accent", 80), ("quiet", 80)]
    assert _texts(drawn) == ["100", "0/0", "0/1"]


def test_many_columns_are_named_at_both_ends() -> None:
    drawn = columns("c", "t", "d", [_bar(f"{at}", at) for at in range(9)], "top")
    assert _texts(drawn) == ["top", "0", "8"]
    lefts = [float(left) for left in re.findall(r'<rect[^>]* x="([\d.]+)%', str(drawn))]
    assert lefts == sorted(lefts)
    assert max(lefts) < 100


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        pytest.param(0, 60, "1970-01-01 00:00:00 to 00:01:00", id="in one day"),
        pytest.param(0, 86_400, "1970-01-01 00:00:00 to 1970-01-02 00:00:00", id="over midnight"),
        pytest.param(0, 1 << 60, "1970-01-01 00:00:00 to 1152921504606846976 s", id="without end"),
    ],
)
def test_a_period_in_words(start: int, end: int, shown: str) -> None:
    assert words.period(start, end) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("Üñï 漢 🚜", "Üñï 漢 🚜", id="what has a shape stays"),
        pytest.param(
            "a\u202eb\u200bc\n\0", "a\ufffdb\ufffdc\ufffd\ufffd", id="what has none is marked"
        ),
    ],
)
def test_a_name_in_words(text: str, shown: str) -> None:
    assert words.name(text) == shown
