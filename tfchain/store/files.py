"""Files that survive a power cut, and one clear line when the disk says no."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tfchain.errors import Unavailable

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR})
FREE_SPACE: Final = "free space on this disk (or raise the quota), then start again"


@contextmanager
def told(what: str, where: Path) -> Iterator[None]:
    """Turn what the system says into `Unavailable`: what, where, remedy."""
    try:
        yield
    except OSError as fault:
        reason = os.strerror(fault.errno) if fault.errno else "the system refused"
        raise Unavailable(f"{what} ({reason})", str(where), remedy_for(fault)) from fault


def remedy_for(fault: OSError) -> str:
    """What an operator can do about it."""
    if fault.errno in _FULL:
        return FREE_SPACE
    if fault.errno in _FORBIDDEN:
        return "give the user who runs this the right to read and write it"
    if fault.errno in _ABSENT:
        return "check the path; `tfchain init` makes a new home"
    return "check the disk and its mount, then start again"


def write_all(descriptor: int, content: bytes) -> None:
    """Write every byte: the system may take fewer than it is given."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    """A new name is on the disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Put `content` at `path`: after a crash the old or the new stands there, whole.

    Temporary file, fsync, rename, fsync of the folder (1.6.3). Raises `OSError`.
    """
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        os.fchmod(descriptor, mode)
        write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(path)
    sync_folder(path.parent)


def lock_file(path: Path, flags: int, what: str) -> int:
    """An open descriptor that owns `path`; the lock ends with it, however this process ends.

    Raises:
        Unavailable: somebody else owns it, or it cannot be opened.
    """
    with told(f"cannot open {what}", path):
        descriptor = os.open(path, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as fault:
        os.close(descriptor)
        remedy = "stop the other process that uses it; two must never run on one home"
        raise Unavailable(f"{what} is in use", str(path), remedy) from fault
    return descriptor
