"""How a part of the web asks the read model: a plain function, run beside the server with a connection.

Each question gets a connection that only reads, in a thread of its own, and sees one moment: all that
it reads is of the same height. There is a bound on how many run at once, on how many wait, and on how
long one may take, so that no question can be heavy for anybody but whoever asked it.
"""

import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Final, Protocol, TypeVar

import trio

from tfchain.errors import Unavailable
from tfchain.index.database import FILE, telling

T = TypeVar("T")

AT_ONCE: Final = 4
"""Questions under way; SQLite works outside of the interpreter's lock."""
WAITING_MAX: Final = 512
"""Questions that wait for their turn; the next one is told to come again."""
WITHIN_S: Final = 5.0
"""For one question, from its turn on."""
TURN_S: Final = 10.0
"""For its turn to come."""
TEXT_BYTES_MAX: Final = 16 * 1024 * 1024
"""The longest text that a question may put together inside SQLite."""
_STEPS: Final = 10_000
"""SQLite's own steps between two looks at the clock: some tenths of a millisecond."""
_AGAIN: Final = "ask for less, or later"


class Ask(Protocol):
    """Runs `question` in a worker thread with a read-only connection, bounded in number and time."""

    async def __call__(self, question: Callable[[Connection], T]) -> T:
        """What `question` answers.

        Raises:
            Unavailable: it took longer than a question may.
        """
        ...


class Asking:
    """The connections to one read model. Close it when nobody asks any more."""

    def __init__(
        self,
        folder: Path,
        *,
        at_once: int = AT_ONCE,
        waiting_max: int = WAITING_MAX,
        turn_s: float = TURN_S,
        within_s: float = WITHIN_S,
    ) -> None:
        self._path = folder / FILE
        self._turns = trio.CapacityLimiter(at_once)
        self._waiting_max = waiting_max
        self._turn_s = turn_s
        self._within_s = within_s
        self._idle: list[Connection] = []

    async def __call__(self, question: Callable[[Connection], T]) -> T:
        """As `Ask`."""
        if self._turns.statistics().tasks_waiting >= self._waiting_max:
            raise Unavailable(f"{self._waiting_max} questions wait", "the read model", _AGAIN)
        with trio.move_on_after(self._turn_s) as patience:
            await self._turns.acquire()
        if patience.cancelled_caught:
            raise Unavailable(f"no turn came in {self._turn_s:g} s", "the read model", _AGAIN)
        try:
            return await trio.to_thread.run_sync(partial(self._answer, question))
        finally:
            self._turns.release()

    def close(self) -> None:
        """Let go of the file."""
        while self._idle:
            self._idle.pop().close()

    def _answer(self, question: Callable[[Connection], T]) -> T:
        with telling(self._path):
            connection = self._idle.pop() if self._idle else self._opened()
        limit = time.monotonic() + self._within_s
        connection.set_progress_handler(lambda: time.monotonic() > limit, _STEPS)
        try:
            with telling(self._path):
                connection.execute("BEGIN")
                return question(connection)
        except Unavailable as fault:
            if time.monotonic() > limit:
                what = f"the question took longer than {self._within_s:g} s"
                raise Unavailable(what, "the read model", _AGAIN) from fault
            raise
        finally:
            connection.set_progress_handler(None, 0)
            connection.rollback()
            self._idle.append(connection)

    def _opened(self) -> Connection:
        connection = sqlite3.connect(
            f"{self._path.resolve().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.row_factory = sqlite3.Row
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, TEXT_BYTES_MAX)
        connection.execute("PRAGMA query_only=ON")
        return connection
