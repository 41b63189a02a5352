"""How a part of the web asks the read model: a plain function, run beside the server with a connection."""

from collections.abc import Callable
from sqlite3 import Connection
from typing import Protocol, TypeVar

T = TypeVar("T")


class Ask(Protocol):
    """Runs `question` in a worker thread with a read-only connection, bounded in number and time."""

    async def __call__(self, question: Callable[[Connection], T]) -> T:
        """What `question` answers.

        Raises:
            Unavailable: it took longer than a question may.
        """
        ...
