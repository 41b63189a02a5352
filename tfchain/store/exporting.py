"""A stored chain as the records of an export: what `audit` folds over (P37)."""

from collections.abc import Iterator

from tfchain.base.shapes import encode_record
from tfchain.base.units import Height, PeriodIndex, ScheduleId
from tfchain.chain import export_records as records
from tfchain.errors import Unavailable
from tfchain.ledger import tables
from tfchain.store.chain import ChainStore
from tfchain.store.sound import sound_block

Record = tuple[int, bytes]


def export_records_of(chain: ChainStore) -> Iterator[Record]:
    """`(kind, payload)` of the whole chain up to the height it has now, for `store.export`.

    Blocks and the receipts of sealed batches never change, so the chain may grow meanwhile.

    Raises:
        Unavailable: the store lacks or spoils something.
    """
    height, base = chain.height(), chain.base()
    if base > 1:
        what = f"this node has blocks from {base} on only"
        raise Unavailable(what, chain.store.where, "export from an archive, which keeps all")
    yield records.GENESIS, records.genesis_record(chain.genesis_text())
    for number in range(1, height + 1):
        yield block_record(chain, Height(number))
        for name in chain.sealed_at(Height(number)):
            yield from _receipts_of(chain, name)
    commit = chain.commit(height)
    if commit is not None:
        yield records.LAST_COMMIT, encode_record(commit)


def block_record(chain: ChainStore, height: Height) -> Record:
    """The record of a stored block; raises `Unavailable`, `Spoiled` where the disk changed it."""
    found = sound_block(chain, height)
    if found is None and height < chain.base():
        what = f"this node has blocks from {chain.base()} on only, not {height}"
        raise Unavailable(what, chain.store.where, "ask an archive, which keeps all")
    if found is None:
        remedy = "restore it from a peer or an export"
        raise Unavailable(f"the store lacks block {height}", chain.store.where, remedy)
    return records.BLOCK, found[0]


def _receipts_of(chain: ChainStore, batch: bytes) -> Iterator[Record]:
    """A sealed batch's receipts in node order, a bounded run a record."""
    run: list[bytes] = []
    for _, receipt in chain.store.scan(tables.RECEIPTS.stored_at(batch)):
        run.append(receipt)
        if len(run) == records.RECEIPTS_RUN_MAX:
            yield _run_record(batch, run)
            run = []
    if run:
        yield _run_record(batch, run)


def _run_record(batch: bytes, run: list[bytes]) -> Record:
    schedule, period = ScheduleId(batch[0]), PeriodIndex(int.from_bytes(batch[1:], "big"))
    shown = records.ReceiptRun(schedule=schedule, period=period, receipts=tuple(run))
    return records.RECEIPTS, encode_record(shown)
