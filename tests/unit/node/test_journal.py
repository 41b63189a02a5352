"""A line an event, whatever a peer puts into it."""

from io import StringIO

import pytest

from tfchain.base.units import Millis
from tfchain.node.config import Level
from tfchain.node.journal import LINE_CHARS_MAX, Journal


def clock() -> Millis:
    return Millis(1_700_000_000_007)


def test_a_line_has_its_time_level_event_and_fields() -> None:
    target = StringIO()
    Journal("info", clock, target).info("block", height=7, id="ab")
    assert target.getvalue() == "2023-11-14T22:13:20.007Z info block height=7 id=ab\n"


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("debug", ["debug", "info", "warning"]),
        ("info", ["info", "warning"]),
        ("warning", ["warning"]),
    ],
)
def test_only_what_was_asked_for_is_said(level: Level, heard: list[str]) -> None:
    target = StringIO()
    journal = Journal(level, clock, target)
    journal.debug("x")
    journal.info("x")
    journal.warning("x")
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
