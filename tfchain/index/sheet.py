"""Rows of the read model on their way into its tables, and the checksum over what the tables hold.

A block's rows are gathered first and written once. The checksum is a sum over all rows: a row that
comes adds its hash, one that goes takes its hash away. So it is kept from block to block, says what
stands in the tables now, and anybody can add it up again from the tables alone. It finds faults, not
forgers: nobody but this machine writes here.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from tfchain.base.codec import Plain, encode
from tfchain.base.crypto import digest

Cell: TypeAlias = "int | str | None"
Row: TypeAlias = tuple[Cell, ...]

SQL_INT_MAX: Final = (1 << 63) - 1
"""Where SQLite's integers end. A number above it, which only a senseless genesis allows, is kept as
this one; the record beside it, in JSON, has all digits."""
CHECKSUM_BYTES: Final = 32
_MODULUS: Final = 1 << (8 * CHECKSUM_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A table: its columns with their SQL types, of which the first `keys` name a row."""

    name: str
    columns: tuple[tuple[str, str], ...]
    keys: int = 1
    indexes: tuple[tuple[str, ...], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns."""
        return tuple(name for name, _ in self.columns)

    def create(self) -> Iterator[str]:
        """The statements that make it and its indexes, where they are not there."""
        lines = [
            f'"{name}" {sort}{" NOT NULL" if at < self.keys else ""}'
            for at, (name, sort) in enumerate(self.columns)
        ]
        key = ", ".join(f'"{name}"' for name in self.names[: self.keys])
        yield (
            f'CREATE TABLE IF NOT EXISTS "{self.name}" ({", ".join(lines)}, PRIMARY KEY ({key}))'
            " STRICT, WITHOUT ROWID"
        )
        for index in self.indexes:
            columns = ", ".join(f'"{name}"' for name in index)
            name = "_".join((self.name, *index))
            yield f'CREATE INDEX IF NOT EXISTS "{name}" ON "{self.name}" ({columns})'


@dataclass(frozen=True, slots=True)
class _Words:
    """A table's statements."""

    get: str
    put: str
    drop: str


class Sheet:
    """What a block writes, on top of what the tables hold. `flush` writes it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._fresh: dict[str, dict[Row, Row | None]] = {}
        self._forms: dict[str, Form] = {}

    def get(self, form: Form, *key: Cell) -> dict[str, Cell] | None:
        """The row as it would be after a flush; None where there is none."""
        fresh = self._fresh.get(form.name, {})
        row = fresh[key] if key in fresh else _stored(self._connection, form, key)
        return None if row is None else dict(zip(form.names, row, strict=True))

    def put(self, form: Form, /, **cells: Cell) -> None:
        """Write a whole row; a column that is missing or unknown is a bug of ours."""
        assert cells.keys() == set(form.names), (form.name, sorted(cells))
        row = tuple(_fitting(cells[name]) for name in form.names)
        self._keep(form, row[: form.keys], row)

    def change(self, form: Form, /, *key: Cell, **cells: Cell) -> None:
        """Write some columns of a row that must be there."""
        row = self.get(form, *key)
        assert row is not None, (form.name, key)
        self.put(form, **{**row, **cells})

    def drop(self, form: Form, *key: Cell) -> None:
        """Delete a row, if it is there."""
        self._keep(form, key, None)

    def flush(self) -> int:
        """Write everything; by how much that moves the checksum."""
        moved = 0
        for name in sorted(self._fresh):
            moved += _write(self._connection, self._forms[name], self._fresh[name])
        self._fresh = {}
        return moved % _MODULUS

    def _keep(self, form: Form, key: Row, row: Row | None) -> None:
        self._forms[form.name] = form
        self._fresh.setdefault(form.name, {})[key] = row


def checksum_after(checksum: bytes, moved: int) -> bytes:
    """The checksum once a flush has moved it."""
    return ((int.from_bytes(checksum, "big") + moved) % _MODULUS).to_bytes(CHECKSUM_BYTES, "big")


def counted(connection: sqlite3.Connection, forms: Sequence[Form]) -> bytes:
    """The checksum added up anew from all rows of these tables."""
    total = 0
    for form in forms:
        columns = ", ".join(f'"{name}"' for name in form.names)
        for row in connection.execute(f'SELECT {columns} FROM "{form.name}"'):  # noqa: S608
            total += _hashed(form, tuple(row))
    return checksum_after(bytes(CHECKSUM_BYTES), total)


def _stored(connection: sqlite3.Connection, form: Form, key: Row) -> Row | None:
    # All rows are fetched, though there is one at most: only then is the statement over.
    rows = connection.execute(_words_of(form).get, key).fetchall()
    return tuple(rows[0]) if rows else None


def _write(connection: sqlite3.Connection, form: Form, fresh: Mapping[Row, Row | None]) -> int:
    """Write a table's rows that differ from what is there; by how much the checksum moves."""
    moved, puts, drops = 0, list[Row](), list[Row]()
    for key, row in fresh.items():
        before = _stored(connection, form, key)
        if row == before:
            continue
        moved -= 0 if before is None else _hashed(form, before)
        if row is None:
            drops.append(key)
        else:
            moved += _hashed(form, row)
            puts.append(row)
    words = _words_of(form)
    connection.executemany(words.drop, drops)
    connection.executemany(words.put, puts)
    return moved


def _hashed(form: Form, row: Row) -> int:
    plain: list[Plain] = [form.name, list(row)]
    return int.from_bytes(digest(b"tf/read-model", encode(plain)), "big")


def _fitting(cell: Cell) -> Cell:
    return min(cell, SQL_INT_MAX) if type(cell) is int else cell


_WORDS: Final[dict[str, _Words]] = {}


def _words_of(form: Form) -> _Words:
    """Made once a table; names come from our own tables, never from outside."""
    known = _WORDS.get(form.name)
    if known is None:
        names = [f'"{name}"' for name in form.names]
        where = " AND ".join(f"{name} IS ?" for name in names[: form.keys])
        rest = ", ".join(f"{name} = excluded.{name}" for name in names[form.keys :])
        places = ", ".join("?" * len(names))
        keys = ", ".join(names[: form.keys])
        after = f"DO UPDATE SET {rest}" if rest else "DO NOTHING"
        known = _Words(
            get=f'SELECT {", ".join(names)} FROM "{form.name}" WHERE {where}',  # noqa: S608
            put=f'INSERT INTO "{form.name}" VALUES ({places}) ON CONFLICT ({keys}) {after}',  # noqa: S608
            drop=f'DELETE FROM "{form.name}" WHERE {where}',  # noqa: S608
        )
        _WORDS[form.name] = known
    return known
