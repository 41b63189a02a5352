"""What a node tells its operator: one line on stderr an event, no key and no body in it.

A line is for people (`text`) or one JSON object for programs. Values come in as they are known: a
stranger's text may be long or move a terminal, so it is cut and spelled out.
"""

import sys
from collections.abc import Callable
from time import gmtime, strftime
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from tfchain.base.units import MS_PER_S, Millis
from tfchain.node.config import Format, Level

LINE_CHARS_MAX: Final = 2_000
"""Peers can make texts long; a log line stays one."""
VALUE_CHARS_MAX: Final = 256
"""Of one value in a JSON line, which cannot be cut as a whole."""

_RANKS: Final[dict[Level, int]] = {"debug": 10, "info": 20, "warning": 30}
"""As structlog counts."""


class Journal:
    """Lines of at least `level`: time, level, event, then the fields in the given order."""

    def __init__(
        self,
        level: Level,
        clock: Callable[[], Millis],
        target: TextIO | None = None,
        form: Format = "text",
    ) -> None:
        last: list[Processor] = [_text] if form == "text" else [_bounded, _JSON]
        self._log: FilteringBoundLogger = structlog.wrap_logger(
            structlog.PrintLogger(sys.stderr if target is None else target),
            processors=[_stamped(clock), *last],
            wrapper_class=structlog.make_filtering_bound_logger(_RANKS[level]),
        )

    def debug(self, event: str, **fields: object) -> None:
        """For somebody who looks for a fault."""
        self._log.debug(event, **fields)

    def info(self, event: str, **fields: object) -> None:
        """At most one a height."""
        self._log.info(event, **fields)

    def warning(self, event: str, **fields: object) -> None:
        """Somebody should look."""
        self._log.warning(event, **fields)

    def error(self, event: str, **fields: object) -> None:
        """The node cannot go on."""
        self._log.error(event, **fields)


_JSON: Final = structlog.processors.JSONRenderer(ensure_ascii=True)


def _stamped(clock: Callable[[], Millis]) -> Processor:
    """Puts time, level and event before the fields."""

    def stamp(_logger: WrappedLogger, level: str, event: EventDict) -> EventDict:
        now = clock()
        moment = strftime("%Y-%m-%dT%H:%M:%S", gmtime(now // MS_PER_S))
        name = event.pop("event")
        return {"time": f"{moment}.{now % MS_PER_S:03d}Z", "level": level, "event": name, **event}

    return stamp


def _text(_logger: WrappedLogger, _level: str, event: EventDict) -> str:
    words = [str(event.pop(name)) for name in ("time", "level", "event")]
    words += [f"{name}={_one_word(value)}" for name, value in event.items()]
    return " ".join(words)[:LINE_CHARS_MAX]


def _one_word(value: object) -> str:
    text = str(value)
    if text and all("!" <= letter <= "~" for letter in text):
        return text
    return ascii(text)


def _bounded(_logger: WrappedLogger, _level: str, event: EventDict) -> EventDict:
    """Numbers and truths stay what they are; all else is a text, and no long one."""
    return {
        name: value if type(value) in {int, bool} else str(value)[:VALUE_CHARS_MAX]
        for name, value in event.items()
    }
