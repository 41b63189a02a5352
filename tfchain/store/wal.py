"""The write-ahead log: what this validator saw and said since its last durable height (P35, 1.7).

One file. Records are appended and synced before they matter; `reset` sets an end marker once a
height is in the store, and only when the file has grown past `ROTATE_BYTES` starts a new one. So
ending a height costs one small write, and nothing after the last marker is ever dropped.
"""

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tfchain.errors import Unavailable
from tfchain.store.files import replace_file, sync_folder, told, write_all
from tfchain.store.wal_records import HEAD_BYTES, Span, Survey, frame, records, survey

ROTATE_BYTES: Final = 8 * 1024 * 1024
"""Some thousand quiet heights, and read in a fraction of a second at start."""
_REMEDY: Final = (
    "once the other validators have passed this height, move it away; store and signer state stay"
)


class Wal:
    """A log that is open for appending. One thread at a time.

    Every method raises `Unavailable` when the disk refuses, and ever after: the node stops (1.7.4).
    """

    def __init__(self, path: Path, descriptor: int, found: Survey, torn: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._spans: tuple[Span, ...] = found.spans
        self._size = found.end
        self._broken = False
        self.torn_bytes = torn
        """Bytes of a torn last record that were cut off on opening; 0 after a clean stop."""

    def replay(self) -> Iterator[bytes]:
        """The payloads after the last end marker, as they stood on opening, oldest first."""
        for start, length in self._spans:
            with told("cannot read the log", self._path):
                payload = os.pread(self._descriptor, length, start)
            yield payload

    def append(self, payload: bytes) -> None:
        """Hand a record to the system. It survives a kill at once, a power cut after `sync`."""
        assert payload, "an empty record is the end marker"
        self._write(frame(self._size, payload))

    def sync(self) -> None:
        """Every record appended so far is on the disk when this returns."""
        self._begin()
        with told("cannot sync the log", self._path):
            os.fsync(self._descriptor)
        self._broken = False

    def reset(self) -> None:
        """The height is durable in the store: nothing written so far is needed again.

        The marker is not synced: if a power cut takes it, replay shows a height that the store has
        already, which is one of the two legal states at start (P35).
        """
        self._spans = ()
        if self._size < ROTATE_BYTES:
            self._write(frame(self._size, b""))
            return
        self._begin()
        with told("cannot start a new log", self._path):
            replace_file(self._path, b"")
            os.close(self._descriptor)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND)
        self._size = 0
        self._broken = False

    def close(self) -> None:
        """Give the file back. Closing twice is allowed."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, record: bytes) -> None:
        self._begin()
        with told("cannot write the log", self._path):
            write_all(self._descriptor, record)
        self._size += len(record)
        self._broken = False

    def _begin(self) -> None:
        """Broken until the caller says it went well: a half-written record has no successor."""
        if self._broken:
            raise Unavailable("an earlier write failed", str(self._path), "start again")
        self._broken = True


def inspect_wal(path: Path) -> tuple[Survey, list[bytes]]:
    """What stands in a log, and its payloads as `Wal.replay` would give them; changes nothing.

    The node compares the last of them with its signer before it may tolerate damage (1.7.6).
    """
    with told("cannot read the log", path), path.open("rb") as stream:
        found = _survey_of(stream.fileno())
        payloads = [os.pread(stream.fileno(), length, start) for start, length in found.spans]
    return found, payloads


def read_wal(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """Every record of a log: its offset, its payload, and whether that is what was written.

    An empty payload is an end marker. What stands behind the last readable head is not told here;
    `inspect_wal` says whether it is torn or damaged.
    """
    with told("cannot read the log", path), path.open("rb") as stream:
        content = stream.read()
    for start, length, whole in records(content):
        yield start - HEAD_BYTES, content[start : start + length], whole


def open_wal(path: Path, *, tolerate: bool = False) -> Wal:
    """The log at `path`, made if it is absent. A torn last record is cut off and told.

    `tolerate` is for the caller who has checked that the signer signed nothing later than the last
    own record before the damage (1.7.6): the damaged file is kept aside as `*.damaged`, and the
    records up to the damage stay.

    Raises:
        Unavailable: the file cannot be used, or is damaged before its end and not tolerated.
    """
    with told("cannot open the log", path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        with told("cannot read the log", path):
            sync_folder(path.parent)
            return _opened(path, descriptor, tolerate=tolerate)
    except Unavailable:
        os.close(descriptor)
        raise


def _opened(path: Path, descriptor: int, *, tolerate: bool) -> Wal:
    found, size = _survey_of(descriptor), os.fstat(descriptor).st_size
    if found.damage is not None:
        if not tolerate:
            raise Unavailable(f"the log is damaged at byte {found.damage}", str(path), _REMEDY)
        return _mended(path, descriptor, found)
    if found.end < size:
        os.ftruncate(descriptor, found.end)
        os.fsync(descriptor)
    return Wal(path, descriptor, found, size - found.end)


def _mended(path: Path, descriptor: int, found: Survey) -> Wal:
    """The good records in a new file; the damaged one stays beside it for people."""
    kept = bytearray()
    for start, length in found.spans:
        kept += frame(len(kept), os.pread(descriptor, length, start))
    aside = path.with_name(path.name + ".damaged")
    aside.unlink(missing_ok=True)
    os.link(path, aside)
    replace_file(path, bytes(kept))
    fresh = os.open(path, os.O_RDWR | os.O_APPEND)
    os.close(descriptor)
    return Wal(path, fresh, _survey_of(fresh), 0)


def _survey_of(descriptor: int) -> Survey:
    if os.fstat(descriptor).st_size == 0:  # an empty file cannot be mapped
        return survey(b"")
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as mapped:
        return survey(mapped)
