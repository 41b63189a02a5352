"""What a node tells its operator: one line on stderr an event, no key and no body in it."""

import sys
from collections.abc import Callable
from time import gmtime, strftime
from typing import Final, TextIO

from tfchain.base.units import MS_PER_S, Millis
from tfchain.node.config import Level

LINE_CHARS_MAX: Final = 2_000
"""Peers can make texts long; a log line stays one."""

_RANKS: Final[dict[Level, int]] = {"debug": 0, "info": 1, "warning": 2}


class Journal:
    """Lines of at least `level`: time, level, event, then `name=value` in the given order."""

    def __init__(
        self, level: Level, clock: Callable[[], Millis], target: TextIO | None = None
    ) -> None:
        self._least = _RANKS[level]
        self._clock = clock
        self._target = sys.stderr if target is None else target

    def debug(self, event: str, **fields: object) -> None:
        """For somebody who looks for a fault."""
        self._write("debug", event, fields)

    def info(self, event: str, **fields: object) -> None:
        """At most one a height."""
        self._write("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Somebody should look."""
        self._write("warning", event, fields)

    def _write(self, level: Level, event: str, fields: dict[str, object]) -> None:
        if _RANKS[level] < self._least:
            return
        now = self._clock()
        moment = strftime("%Y-%m-%dT%H:%M:%S", gmtime(now // MS_PER_S))
        words = [f"{moment}.{now % MS_PER_S:03d}Z", level, event]
        words += [f"{name}={_one_word(value)}" for name, value in fields.items()]
        print(" ".join(words)[:LINE_CHARS_MAX], file=self._target, flush=True)


def _one_word(value: object) -> str:
    text = str(value)
    if text and all("!" <= letter <= "~" for letter in text):
        return text
    return ascii(text)
