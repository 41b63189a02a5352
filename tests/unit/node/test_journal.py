"""A line an event, whatever a peer puts into it."""

import json
from io import StringIO

import pytest

from tfchain.base.units import Millis
from tfchain.node.config import Level
from tfchain.node.journal import LINE_CHARS_MAX, VALUE_CHARS_MAX, Journal


def clock() -> Millis:
    return Millis(1_700_000_000_007)


def test_a_line_has_its_time_level_event_and_fields() -> None:
    target = StringIO()
    Journal("info", clock, target).info("block", height=7, id="ab")
    assert target.getvalue() == "2023-11-14T22:13:20.007Z info block height=7 id=ab\n"


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
    ],
)
def test_only_what_was_asked_for_is_said(level: Level, heard: list[str]) -> None:
    target = StringIO()
    journal = Journal(level, clock, target)
    journal.debug("x")
    journal.info("x")
    journal.warning("x")
    journal.error("x")
    assert [line.split()[1] for line in target.getvalue().splitlines()] == heard


@pytest.mark.parametrize("text", ["two words", "line\nbreak", "\x1b[2J", "", "é"])
def test_a_stranger_s_text_stays_on_one_plain_line(text: str) -> None:
    target = StringIO()
    Journal("info", clock, target).warning("blame", reason=text)
    line = target.getvalue()
    assert line.count("\n") == 1
    assert line[:-1].isprintable() and line.isascii()


def test_a_line_is_bounded() -> None:
    target = StringIO()
    Journal("info", clock, target).info("x", long="y" * 10_000)
    assert len(target.getvalue()) == LINE_CHARS_MAX + 1


def told_as_json(**fields: object) -> str:
    target = StringIO()
    Journal("info", clock, target, form="json").warning("an event", **fields)
    return target.getvalue()


def test_a_json_line_keeps_numbers_and_truths_and_the_order() -> None:
    line = told_as_json(height=7, own=True, reason=ValueError("why"), key=b"ab")
    assert line.endswith("\n") and line.count("\n") == 1
    assert list(json.loads(line).items()) == [
        ("time", "2023-11-14T22:13:20.007Z"),
        ("level", "warning"),
        ("event", "an event"),
        ("height", 7),
        ("own", True),
        ("reason", "why"),
        ("key", "b'ab'"),
    ]


@pytest.mark.parametrize(
    "text", ["two words", "line\nbreak", "\x1b[2J", "", "\u00e9", '"}', "\ud800"]
)
def test_a_stranger_s_text_stays_one_value_of_one_object(text: str) -> None:
    line = told_as_json(reason=text)
    assert line.count("\n") == 1
    assert line[:-1].isprintable() and line.isascii()
    assert json.loads(line)["reason"] == text


def test_a_value_of_a_json_line_is_bounded() -> None:
    found = json.loads(told_as_json(long="y" * 10_000))
    assert found["long"] == "y" * VALUE_CHARS_MAX
