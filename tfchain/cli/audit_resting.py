"""An audit that rests: every so many blocks it leaves a checkpoint, and goes on from the last one.

What it says at its end is what an audit in one go says. The blocks before a checkpoint are bound by
the last one's id: an export of another chain is refused, a longer one of the same chain is welcome.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from tfchain.chain import export_records as kinds
from tfchain.chain.audit import Auditor
from tfchain.chain.audit_kept import Standing, decode_standing, encode_standing
from tfchain.chain.audit_signatures import VerifyAll
from tfchain.chain.genesis import genesis_hash, read_genesis
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger.block import decode_block
from tfchain.store.audited import AuditedRows
from tfchain.store.export import Place, read_on, read_records

Record = tuple[int, int, bytes]
"""Its offset, its kind and what it holds."""
_OTHER: Final = (
    "give the export that this audit began with, or a longer one of the same chain; or another"
    " folder, to audit from the beginning"
)


@dataclass(frozen=True, slots=True)
class Every:
    """How far an audit goes before it rests: whichever comes first."""

    blocks: int
    bytes: int
    rows: int
    """Rows that changed: they wait in memory."""


EVERY: Final = Every(blocks=10_000, bytes=64 * 1024 * 1024, rows=200_000)
"""Some ten seconds of an audit; to rest takes half of one. A month of the real grid rests fifty times."""


class Resting:
    """An audit over rows on a disk, which rests now and then."""

    def __init__(
        self,
        rows: AuditedRows,
        file: BinaryIO,
        verify_all: VerifyAll,
        trust: tuple[int, bytes] | None,
        every: Every = EVERY,
    ) -> None:
        """Raises `Unavailable` where the folder's checkpoint is not one of this export."""
        self._rows, self._every = rows, every
        kept = rows.load()
        self._place = self._rested = Place(0, 0) if kept is None else kept[0]
        """The last block that was taken, and the last one at which it rested."""
        self._blocks = 0
        if kept is None:
            self.auditor = Auditor(rows, verify_all, trust)
            self._source = read_records(file)
            self._count = 0
            return
        standing = _standing(rows, kept[1])
        self.auditor = Auditor.resume(rows, verify_all, trust, standing)
        self._source = _source(file, self._place, standing, rows.where)
        self._count = self._place.records + 1

    def steps(self) -> Iterator[int]:
        """Take what is still to be taken; after each record its place. Raises as `Auditor.take` does."""
        for offset, kind, payload in self._source:
            if self._is_due(offset, kind):
                self._rest()
            self.auditor.take(kind, payload)
            if kind == kinds.BLOCK:
                self._place = Place(offset, self._count)
                self._blocks += 1
            self._count += 1
            yield offset

    def _is_due(self, offset: int, kind: int) -> bool:
        """At the end too: a longer export of the chain need not begin anew."""
        if self._place == self._rested or not self.auditor.can_rest:
            return False
        every = self._every
        return (
            kind == kinds.LAST_COMMIT
            or self._blocks >= every.blocks
            or offset - self._rested.offset >= every.bytes
            or self._rows.changed >= every.rows
        )

    def _rest(self) -> None:
        standing = self.auditor.rest()
        columns = standing.second.columns
        kept = encode_standing(standing)
        self._rows.save(self._place, kept, columns.chunks(), columns.chunk)
        self._rested, self._blocks = self._place, 0


def _standing(rows: AuditedRows, kept: bytes) -> Standing:
    try:
        return decode_standing(kept, rows, rows.chunk)
    except Malformed as fault:
        remedy = "empty this folder, or give another one, and audit from the beginning"
        raise Unavailable(f"the checkpoint is damaged ({fault})", rows.where, remedy) from fault


def _source(file: BinaryIO, place: Place, standing: Standing, where: str) -> Iterator[Record]:
    """The records after the checkpoint's block, once genesis and that block were seen to be the same."""
    records = read_records(file)
    _check_genesis(next(records, None), standing, where)
    if file.seekable():
        records = read_on(file, place)
    try:
        at = next((record for record in records if record[0] >= place.offset), None)
        same = at is not None and at[:2] == (place.offset, kinds.BLOCK)
        same = same and at is not None and decode_block(at[2]).id == standing.tip.block_id
    except Malformed:
        same = False
    if not same:
        what = f"block {standing.tip.height} of the export is not the one that was audited"
        raise Unavailable(what, where, _OTHER)
    return records


def _check_genesis(first: Record | None, standing: Standing, where: str) -> None:
    if first is None or first[1] != kinds.GENESIS:
        raise Malformed("an export begins with its genesis")
    if genesis_hash(read_genesis(kinds.genesis_text(first[2]))) != standing.report.genesis_hash:
        what = f"the checkpoint is of {standing.report.chain_id}, the export is of another chain"
        raise Unavailable(what, where, _OTHER)
