"""A database that nobody uses, held still while its files are copied."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tfchain.errors import Unavailable
from tfchain.store.files import lock_file, told

LOCK: Final = "LOCK"
"""Both databases own their folder by a lock on this file, each in its own way."""


@contextmanager
def held_still(folder: Path) -> Iterator[list[Path]]:
    """The files of a stopped database, which no process can open meanwhile.

    The lock's own file is not among them: one kind of lock ends when anybody here closes that file.

    Raises:
        Unavailable: in use, or no database is there.
    """
    descriptor = lock_file(folder / LOCK, os.O_RDWR | os.O_CREAT, "the database")
    try:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            remedy = "stop the node that uses it"
            raise Unavailable("the database is in use", str(folder), remedy) from fault
        with told("cannot read the database", folder):
            files = sorted(path for path in folder.iterdir() if path.name != LOCK)
        yield files
    finally:
        os.close(descriptor)
