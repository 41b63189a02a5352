"""Answers that go to a file or down a pipe: each whole, or an error of one line."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tfchain.cli.recorded import STDIN
from tfchain.errors import Unavailable


@contextmanager
def writing(name: str, sources: Sequence[str]) -> Iterator[BinaryIO]:
    """A new file; raises `Unavailable` where it cannot be, or would be one of its sources."""
    if any(source != STDIN and _is_same(source, name) for source in sources):
        raise Unavailable("would overwrite what it reads", name, "choose another place with --out")
    try:
        with open(name, "wb") as target:  # noqa: PTH123
            yield target
    except OSError as fault:
        raise _unwritable(fault, name) from fault


def write(target: BinaryIO, answer: bytes, name: str) -> None:
    """One answer, now. Raises `Unavailable`."""
    try:
        target.write(answer)
        target.flush()
    except BrokenPipeError:
        raise  # whoever reads has enough: nothing to tell
    except OSError as fault:
        raise _unwritable(fault, name) from fault


def _is_same(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        return False  # one of them is not there yet


def _unwritable(fault: OSError, name: str) -> Unavailable:
    return Unavailable(f"cannot write ({fault.strerror})", name, "choose another place with --out")
