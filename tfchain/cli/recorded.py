"""Files of recorded periods of the public chain: one period a line (JSON, plain or xz).

Behind a line that says so stand the columns of its period, in bytes.
"""

import json
import lzma
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final, TypeAlias

from tfchain.chain.columns.public_receipts import PublicReceipt
from tfchain.chain.grid import Result
from tfchain.chain.grid_columns import columns_due
from tfchain.errors import Malformed, Unavailable

LINE_BYTES_MAX: Final = 64 * 1024 * 1024
"""A period with its events; the largest recorded one has 645 kB."""
STDIN: Final = "-"


Source: TypeAlias = BinaryIO | lzma.LZMAFile


@dataclass(frozen=True, slots=True)
class Line:
    """One period as it stands in a file: where, what its line says, the columns behind it."""

    where: str
    plain: dict[str, object]
    columns: bytes


def periods(files: list[str]) -> Iterator[Line]:
    """Every period in turn; a line ends at a line feed and nothing else. Raises `Malformed`."""
    for name in files:
        with reading(name) as source:
            number = 1
            while line := line_of(source, name, number):
                where = f"{name} line {number}"
                try:
                    plain = object_of(decoded(line))
                    due = columns_due(plain.get("input"))
                except Malformed as fault:
                    raise Malformed(f"{where}: {fault}") from fault
                yield Line(where, plain, columns_of(source, name, number, due))
                number += 1


@contextmanager
def reading(name: str) -> Iterator[Source]:
    if name == STDIN:
        yield sys.stdin.buffer
        return
    try:
        source = lzma.open(name) if name.endswith(".xz") else open(name, "rb")  # noqa: PTH123, SIM115
    except OSError as fault:
        raise unreadable(fault, name) from fault
    with source:
        yield source


def line_of(source: Source, name: str, number: int) -> bytes:
    """The next line; empty at the end of the file."""
    line = _read(source.readline, LINE_BYTES_MAX + 1, name, number)
    if len(line) > LINE_BYTES_MAX:
        raise Malformed(f"{name} line {number}: longer than {LINE_BYTES_MAX} bytes")
    return line


def columns_of(source: Source, name: str, number: int, due: int) -> bytes:
    """So many bytes behind a line."""
    columns = _read(source.read, due, name, number)
    if len(columns) < due:
        raise Malformed(f"{name} line {number}: its columns are cut short")
    return columns


def _read(read: Callable[[int], bytes], most: int, name: str, number: int) -> bytes:
    try:
        return read(most)
    except OSError as fault:
        raise unreadable(fault, name) from fault
    except (lzma.LZMAError, EOFError) as fault:
        raise Malformed(f"{name} line {number}: not xz, or cut short") from fault


def unreadable(fault: OSError, name: str) -> Unavailable:
    return Unavailable(f"cannot read ({fault.strerror})", name, "name a file of recorded periods")


def decoded(line: bytes) -> object:
    try:
        value: object = json.loads(line.decode())
    except (ValueError, RecursionError) as fault:
        raise Malformed("not JSON") from fault
    return value


def object_of(plain: object) -> dict[str, object]:
    if not isinstance(plain, dict):
        raise Malformed("an object with input is due")
    return plain


def row_of(result: Result | PublicReceipt) -> dict[str, int | str]:
    return {
        "node_id": result.node_id,
        "receipt": result.receipt_text,
        "hash": result.hash.hex(),
        "violation": result.violation,
    }
