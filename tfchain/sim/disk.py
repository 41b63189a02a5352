"""Disks that lose what was not synced, run full, and sometimes break their word.

The log holds the very bytes that `store.wal` writes to a file, read back by the product's own
`survey`; the signer's memo stands under the product's `Signer`, rows under its `ChainStore`. What is
simulated is only what a disk does: forget, refuse, tear (P35, consensus 1.6.3, 1.7).
"""

from collections.abc import Iterable, Iterator
from typing import Final

from tfchain.errors import Unavailable
from tfchain.sim.chance import SURE, Chance
from tfchain.store.kv import EVERY_ROW, Reader, Row
from tfchain.store.memory import MemoryStore
from tfchain.store.signer import NOTHING_SIGNED, LastSigned
from tfchain.store.wal_records import frame, survey

LIES: Final = 800
"""How many of a thousand syncs a forgetful disk only says it did."""
ROTATE_BYTES: Final = 16 * 1024
"""A log this long begins anew at an end marker, as a real one does at megabytes."""


class Room:
    """How many writes a disk takes before it is full."""

    def __init__(self) -> None:
        self._left: int | None = None

    def shrink(self, writes: int) -> None:
        """So many writes more."""
        self._left = writes

    def free(self) -> None:
        """There is room again."""
        self._left = None

    def take(self, what: str) -> None:
        """One write; raises `Unavailable` where there is no room for it."""
        if self._left is None:
            return
        if self._left == 0:
            raise Unavailable(f"cannot write {what} (No space left on device)", what, "free space")
        self._left -= 1


class LogDisk:
    """The file of one node's log. `forgetful`: a stream of draws; some of its syncs are none."""

    def __init__(self, forgetful: Chance | None = None) -> None:
        self._bytes = bytearray()
        self._promised = 0
        self._synced = 0
        self._ended = 0
        self._forgetful = forgetful
        self.room = Room()

    def append(self, payload: bytes) -> None:
        """Hand a record to the system; a full disk takes a beginning of it."""
        record = frame(len(self._bytes), payload)
        try:
            self.room.take("the log")
        except Unavailable:
            self._bytes += record[: len(record) // 2]
            raise
        self._bytes += record

    def sync(self) -> None:
        """Everything appended so far outlives a power cut, says the disk.

        Even a disk that lies has a new height on it: a log heights behind its store is refused (P35).
        """
        self._promised = len(self._bytes)
        if not self._lies():
            self._synced = self._promised

    def _lies(self) -> bool:
        if self._forgetful is None or self._ended > self._synced:
            return False
        return self._forgetful.happens(LIES)

    def end(self) -> None:
        """Set the end marker, which is not synced either; a long log begins anew, at once on disk."""
        if len(self._bytes) < ROTATE_BYTES:
            self.append(b"")
            self._ended = len(self._bytes)
            return
        self.room.take("the log")
        self.put_aside()

    def unsynced(self) -> bytes:
        """What a power cut may take, as far as the disk says."""
        return bytes(self._bytes[self._promised :])

    def lose_power(self, chance: Chance) -> bool:
        """Keep what was synced and some of the rest, cut anywhere. Whether a promise was broken."""
        kept = chance.between(self._synced, len(self._bytes))
        broken = kept < self._promised
        del self._bytes[kept:]
        self._promised = min(self._promised, kept)
        return broken

    def replay(self) -> tuple[bytes, ...]:
        """The payloads after the last end marker; a torn last record is cut off, as on opening.

        What is read so is on the disk.
        """
        found = survey(bytes(self._bytes))
        assert found.damage is None, "a log that was only cut short has no damage in its middle"
        del self._bytes[found.end :]
        payloads = tuple(
            bytes(self._bytes[start : start + length]) for start, length in found.spans
        )
        self._promised = self._synced = len(self._bytes)
        return payloads

    def put_aside(self) -> None:
        """An operator moves the file away (1.7.6)."""
        self._bytes.clear()
        self._promised = self._synced = self._ended = 0


class MemoDisk:
    """The state file of a signer: it outlives the process that crashes. A `Memo` (1.6.3)."""

    def __init__(self, chance: Chance) -> None:
        self.last: LastSigned = NOTHING_SIGNED
        self.room = Room()
        self._chance = chance

    def save(self, last: LastSigned) -> None:
        """Durable when this returns; where it raises, the old or the new stands there."""
        try:
            self.room.take("the signer state")
        except Unavailable:
            if self._chance.happens(SURE // 2):
                self.last = last
            raise
        self.last = last

    def close(self) -> None:
        """Nothing to give back."""


class RowsDisk:
    """A `Store` in memory that may be full: then nothing of a batch is written."""

    kind = "memory"
    where = "memory"

    def __init__(self) -> None:
        self.room = Room()
        self._rows = MemoryStore()

    def get(self, key: bytes) -> bytes | None:
        return self._rows.get(key)

    def write(self, rows: Iterable[Row]) -> None:
        self.room.take("the store")
        self._rows.write(rows)

    def scan(
        self, prefix: bytes, start: bytes = b"", limit: int = EVERY_ROW
    ) -> Iterator[tuple[bytes, bytes]]:
        return self._rows.scan(prefix, start, limit)

    def snapshot(self) -> Reader:
        return self._rows.snapshot()

    def close(self) -> None:
        """The disk outlives the process."""
