"""Files of recorded periods of the public chain: one period a line (JSON, plain or xz)."""

import json
import lzma
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from tfchain.chain.grid import Result
from tfchain.errors import Malformed, Unavailable

LINE_BYTES_MAX: Final = 64 * 1024 * 1024
"""A period with its events; the largest recorded one has 645 kB."""
STDIN: Final = "-"


def lines(files: list[str]) -> Iterator[tuple[str, bytes]]:
    """Every line behind the name of its place; a line ends at a line feed and nothing else."""
    for name in files:
        with reading(name) as source:
            number = 1
            while line := line_of(source, name, number):
                yield f"{name} line {number}", line
                number += 1


@contextmanager
def reading(name: str) -> Iterator[BinaryIO | lzma.LZMAFile]:
    if name == STDIN:
        yield sys.stdin.buffer
        return
    try:
        source = lzma.open(name) if name.endswith(".xz") else open(name, "rb")  # noqa: PTH123, SIM115
    except OSError as fault:
        raise unreadable(fault, name) from fault
    with source:
        yield source


def line_of(source: BinaryIO | lzma.LZMAFile, name: str, number: int) -> bytes:
    """The next line; empty at the end of the file."""
    try:
        line = source.readline(LINE_BYTES_MAX + 1)
    except OSError as fault:
        raise unreadable(fault, name) from fault
    except (lzma.LZMAError, EOFError) as fault:
        raise Malformed(f"{name} line {number}: not xz, or cut short") from fault
    if len(line) > LINE_BYTES_MAX:
        raise Malformed(f"{name} line {number}: longer than {LINE_BYTES_MAX} bytes")
    return line


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


def row_of(result: Result) -> dict[str, int | str]:
    return {
        "node_id": result.node_id,
        "receipt": result.receipt_text,
        "hash": result.hash.hex(),
        "violation": result.violation,
    }
