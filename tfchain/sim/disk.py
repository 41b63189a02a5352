"""A disk for the write-ahead log that loses what was not synced, in the middle of a record if need be.

It holds the very bytes that `store.wal` writes to a file. The store and the signer's memo beside it
are what they promise to be: a batch of rows is there as a whole or not at all, and a memo is there
before the signature is (P35, consensus 1.6.3).
"""

from tfchain.sim.chance import Chance
from tfchain.store.wal_records import frame, survey


class LogDisk:
    """The file of one node's log."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._synced = 0

    def append(self, payload: bytes) -> None:
        """Hand a record to the system."""
        self._bytes += frame(len(self._bytes), payload)

    def sync(self) -> None:
        """Everything appended so far outlives a power cut."""
        self._synced = len(self._bytes)

    def end(self) -> None:
        """Set the end marker, which is not synced either."""
        self.append(b"")

    def unsynced(self) -> bytes:
        """What a power cut may take."""
        return bytes(self._bytes[self._synced :])

    def lose_power(self, chance: Chance) -> None:
        """Keep what was synced and some of the rest, cut anywhere."""
        kept = chance.between(self._synced, len(self._bytes))
        del self._bytes[kept:]

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
        self.sync()
        return payloads
