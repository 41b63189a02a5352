"""Questions to the read model: they only read, they see one moment, and they end."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import trio

from tfchain.errors import Unavailable
from tfchain.index.database import FILE, opened
from tfchain.web.asking import Asking

FOREVER = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A read model with one row, that somebody writes."""
    with opened(tmp_path) as connection:
        connection.execute("INSERT INTO meta VALUES ('a', x'01')")
        yield tmp_path


def value(connection: sqlite3.Connection) -> bytes:
    row = connection.execute("SELECT value FROM meta WHERE name = 'a'").fetchone()
    return bytes(row["value"])


async def test_a_question_is_answered(folder: Path) -> None:
    with closing(Asking(folder)) as ask:
        assert await ask(value) == b"\x01"
        assert await ask(lambda connection: connection.execute("SELECT 2").fetchone()[0]) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO meta VALUES ('b', x'01')",
        "UPDATE meta SET value = x'02'",
        "DROP TABLE meta",
        "CREATE TABLE mine (a)",
    ],
)
async def test_nobody_writes(statement: str, folder: Path) -> None:
    with closing(Asking(folder)) as ask:
        with pytest.raises(Unavailable, match=r"readonly|read-only"):
            await ask(lambda connection: connection.execute(statement).fetchall())
        assert await ask(value) == b"\x01"


async def test_a_question_sees_one_moment(folder: Path) -> None:
    def twice(connection: sqlite3.Connection) -> tuple[bytes, bytes]:
        first = value(connection)
        with closing(sqlite3.connect(folder / FILE)) as writer, writer:
            writer.execute("UPDATE meta SET value = x'02' WHERE name = 'a'")
        return first, value(connection)

    with closing(Asking(folder)) as ask:
        assert await ask(twice) == (b"\x01", b"\x01")
        assert await ask(value) == b"\x02"


async def test_a_question_that_takes_too_long_is_ended(folder: Path) -> None:
    with closing(Asking(folder, at_once=1, within_s=0.05)) as ask:
        with pytest.raises(Unavailable, match=r"took longer than 0\.05 s"):
            await ask(lambda connection: connection.execute(FOREVER).fetchall())
        assert await ask(value) == b"\x01"


async def test_a_text_has_its_bound(folder: Path) -> None:
    with closing(Asking(folder)) as ask, pytest.raises(Unavailable, match="too big"):
        await ask(lambda connection: connection.execute("SELECT zeroblob(17000000)").fetchall())


async def test_so_many_wait_and_no_more(folder: Path) -> None:
    going = trio.Event()

    def slow(connection: sqlite3.Connection) -> bytes:
        trio.from_thread.run_sync(going.set)
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
            " WHERE i < 300000) SELECT max(i) FROM n"
        ).fetchall()
        return value(connection)

    with closing(Asking(folder, at_once=1, waiting_max=1)) as ask:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, slow)
            await going.wait()
            nursery.start_soon(ask, value)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(Unavailable, match="1 questions wait"):
                await ask(value)


async def test_whose_turn_does_not_come_is_told(folder: Path) -> None:
    with closing(Asking(folder, at_once=1, turn_s=0.01, within_s=0.2)) as ask:
        going = trio.Event()

        def slow(connection: sqlite3.Connection) -> None:
            trio.from_thread.run_sync(going.set)
            connection.execute(FOREVER).fetchall()

        async def refused() -> None:
            with pytest.raises(Unavailable, match="took longer"):
                await ask(slow)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(refused)
            await going.wait()
            with pytest.raises(Unavailable, match="no turn came"):
                await ask(value)


async def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with closing(Asking(tmp_path)) as ask, pytest.raises(Unavailable, match="cannot be used"):
        await ask(value)
