"""`tfchain audit --state`: killed at any moment, it goes on, and says what an audit in one go says."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from io import BytesIO
from itertools import islice
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from tfchain.base import crypto
from tfchain.chain import export_records as records
from tfchain.chain.audit import Auditor
from tfchain.chain.audit_report import Report
from tfchain.cli import audit as verb
from tfchain.cli.audit_resting import Every, Resting
from tfchain.errors import InvalidBlock, Malformed, TfchainError, Unavailable
from tfchain.ledger.block import decode_block
from tfchain.store.audited import AuditedRows
from tfchain.store.export import Place, read_records, write_records
from tfchain.store.memory import MemoryStore
from tfchain.store.open import open_store
from tfchain.tx.transaction import Check

APP = typer.Typer()
APP.command()(verb.audit)
EACH = Every(blocks=1, bytes=1 << 40, rows=1 << 40)
Record = tuple[int, bytes]


@pytest.fixture(scope="module")
def recorded(golden_folder: Path) -> bytes:
    """A devnet of four validators and twelve nodes that passed a period and minted."""
    return (golden_folder / "devnet.tfc").read_bytes()


_verify = lru_cache(None)(crypto.verify)


def _verify_all(checks: Sequence[Check]) -> Callable[[], Sequence[bool]]:
    return lambda: [_verify(*check) for check in checks]


class Stream(BytesIO):
    """It only goes forward."""

    def seekable(self) -> bool:  # type: ignore[explicit-override]  # Python 3.11 has no such mark
        return False


def _resting(
    disk: MemoryStore,
    content: bytes,
    trust: tuple[int, bytes] | None = None,
    source: type[BytesIO] = BytesIO,
    every: Every = EACH,
) -> Resting:
    return Resting(AuditedRows(disk), source(content), _verify_all, trust, every)


def _through(resting: Resting) -> Report:
    for _ in resting.steps():
        pass
    return resting.auditor.finish()


def _killed(disk: MemoryStore, content: bytes, steps: int, every: Every = EACH) -> None:
    """So many records are taken; what was not saved by then is gone."""
    for _ in islice(_resting(disk, content, every=every).steps(), steps):
        pass


def _in_one_go(content: bytes, trust: tuple[int, bytes] | None = None) -> Report:
    rows = verb.DictRows()
    auditor = Auditor(rows, _verify_all, trust)
    for _, kind, payload in read_records(BytesIO(content)):
        auditor.take(kind, payload)
    return auditor.finish()


def _records(content: bytes) -> list[Record]:
    return [(kind, payload) for _, kind, payload in read_records(BytesIO(content))]


def _written(rows: Sequence[Record]) -> bytes:
    file = BytesIO()
    write_records(file, rows)
    return file.getvalue()


def _id(content: bytes, height: int) -> bytes:
    blocks = [payload for kind, payload in _records(content) if kind == records.BLOCK]
    return decode_block(blocks[height - 1]).id


@pytest.mark.parametrize("source", [BytesIO, Stream], ids=["a file", "a stream"])
def test_killed_at_every_checkpoint_it_ends_as_in_one_go(
    recorded: bytes, source: type[BytesIO]
) -> None:
    disk, heights = MemoryStore(), list[int]()
    resting = _resting(disk, recorded, source=source)
    while sum(1 for _ in islice(resting.steps(), 5)) == 5:
        resting = _resting(disk, recorded, source=source)
        assert resting.auditor.height > sum(heights[-1:]), "it goes on"
        heights.append(resting.auditor.height)
    assert len(heights) > 20
    assert list(verb.lines_of(resting.auditor.finish())) == list(
        verb.lines_of(_in_one_go(recorded))
    )


@pytest.mark.parametrize(
    "every",
    [
        pytest.param(Every(blocks=20, bytes=1 << 40, rows=1 << 40), id="blocks"),
        pytest.param(Every(blocks=999, bytes=30_000, rows=1 << 40), id="bytes"),
        pytest.param(Every(blocks=999, bytes=1 << 40, rows=300), id="rows"),
    ],
)
def test_it_rests_by_whatever_comes_first(recorded: bytes, every: Every) -> None:
    disk = MemoryStore()
    _killed(disk, recorded, 60, every)
    height = _resting(disk, recorded).auditor.height
    assert 0 < height < 59


def test_a_whole_audit_leaves_its_end_for_a_longer_export(recorded: bytes) -> None:
    disk, every = MemoryStore(), Every(blocks=999, bytes=1 << 40, rows=1 << 40)
    _killed(disk, recorded, 50, EACH)
    resting = _resting(disk, recorded, every=every)
    assert resting.auditor.height == 48
    _through(resting)
    assert _resting(disk, recorded).auditor.height == 93
    assert _through(_resting(disk, recorded)) == _in_one_go(recorded)


def test_an_export_of_another_chain_is_refused_with_the_way_on(recorded: bytes) -> None:
    disk, rows = MemoryStore(), _records(recorded)
    _killed(disk, recorded, 20)
    other = records.genesis_text(rows[0][1]).replace("time = ", "time = 1", 1)
    changed = _written([(records.GENESIS, records.genesis_record(other)), *rows[1:]])
    with pytest.raises(Unavailable, match=r"of another chain.*give the export"):
        _resting(disk, changed)


def test_a_checkpoint_that_says_nothing_is_refused_with_the_way_on(recorded: bytes) -> None:
    disk = MemoryStore()
    AuditedRows(disk).save(Place(17, 0), b"nothing", [], lambda _place, _number: b"")
    with pytest.raises(Unavailable, match=r"damaged \(.*audit from the beginning"):
        _resting(disk, recorded)


def test_an_export_that_differs_before_the_checkpoint_is_refused(recorded: bytes) -> None:
    disk, rows = MemoryStore(), _records(recorded)
    _killed(disk, recorded, 30)
    height = _resting(disk, recorded).auditor.height
    for changed in (
        _written([*rows[:10], *rows[11:]]),
        _written(rows[:10]),
        _written([*rows[:height], (records.BLOCK, rows[height + 1][1]), *rows[height + 1 :]]),
        _written([*rows[:height], (records.RECEIPTS, rows[height][1]), *rows[height + 1 :]]),
    ):
        for source in (BytesIO, Stream):
            with pytest.raises(Unavailable, match=f"block {height} of the export is not the one"):
                _resting(disk, changed, source=source)


@pytest.mark.parametrize("content", [b"", b"tfchain export 1\n", b"nothing of the kind"])
def test_what_is_no_export_is_malformed(recorded: bytes, content: bytes) -> None:
    disk = MemoryStore()
    _killed(disk, recorded, 20)
    with pytest.raises(Malformed):
        _resting(disk, content)
    with pytest.raises(Malformed, match="begins with its genesis"):
        _resting(disk, _written(_records(recorded)[1:]))


def test_a_false_signature_is_told_before_it_is_built_on(recorded: bytes) -> None:
    """Nothing is kept of a block whose signatures nobody has heard of yet."""
    disk, rows = MemoryStore(), _records(recorded)
    block = bytearray(rows[20][1])
    at = bytes(block).rindex(decode_block(rows[20][1]).last_commit.slots[0].signature)  # type: ignore[union-attr]
    block[at] ^= 1
    changed = _written([*rows[:20], (records.BLOCK, bytes(block)), *rows[21:]])
    with pytest.raises(TfchainError) as told:
        _in_one_go(changed)
    with pytest.raises(TfchainError) as again:
        _through(_resting(disk, changed))
    assert str(again.value) == str(told.value)
    assert _resting(disk, recorded).auditor.height <= 20


def test_trust_given_from_the_start_is_remembered(recorded: bytes) -> None:
    disk, trust = MemoryStore(), (10, _id(recorded, 10))
    for _ in islice(_resting(disk, recorded, trust).steps(), 30):
        pass
    report = _through(_resting(disk, recorded, trust))
    assert report == _in_one_go(recorded, trust)
    assert report.anchored
    assert not _through(_resting(disk, recorded)).anchored


def test_trust_in_a_block_that_is_still_to_come_is_looked_at(recorded: bytes) -> None:
    disk, last = MemoryStore(), 93
    _killed(disk, recorded, 30)
    trust = (last, _id(recorded, last))
    assert _through(_resting(disk, recorded, trust)) == _in_one_go(recorded, trust)
    _killed(other := MemoryStore(), recorded, 30)
    with pytest.raises(InvalidBlock, match="block 93: its id is"):
        _through(_resting(other, recorded, (last, bytes(32))))


def test_trust_in_the_block_of_the_checkpoint_itself_is_looked_at(recorded: bytes) -> None:
    disk = MemoryStore()
    _killed(disk, recorded, 30)
    height = _resting(disk, recorded).auditor.height
    trust = (height, _id(recorded, height))
    assert _through(_resting(disk, recorded, trust)) == _in_one_go(recorded, trust)


def test_trust_in_a_block_that_went_by_unlooked_at_is_refused(recorded: bytes) -> None:
    disk = MemoryStore()
    _killed(disk, recorded, 30)
    with pytest.raises(Unavailable, match=r"block 7 was audited before.*trust a later block"):
        _resting(disk, recorded, (7, _id(recorded, 7)))


# --- the verb -------------------------------------------------------------------------------------


def _audit(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(APP, [str(path), *arguments])


@pytest.fixture
def export(tmp_path: Path, recorded: bytes) -> Path:
    path = tmp_path / "chain.tfc"
    path.write_bytes(recorded)
    return path


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["lines", "json"])
def test_the_verb_says_the_same_every_time(export: Path, form: tuple[str, ...]) -> None:
    state = str(export.parent / "state")
    once = _audit(export, *form)
    first, second = (_audit(export, *form, "--state", state) for _ in range(2))
    assert (once.exit_code, first.exit_code, second.exit_code) == (0, 0, 0)
    assert first.stdout == second.stdout == once.stdout
    assert "goes on after block 93" in second.stderr
    assert "goes on" not in first.stderr


def test_the_report_folder_is_the_same_too(export: Path) -> None:
    state, folder = str(export.parent / "state"), export.parent
    for name in ("once", "first", "second"):
        rest = () if name == "once" else ("--state", state)
        assert _audit(export, "--report", str(folder / name), *rest).exit_code == 0
    texts = [
        {path.name: path.read_bytes() for path in (folder / name).iterdir()}
        for name in ("once", "first", "second")
    ]
    assert texts[0] == texts[1] == texts[2]


def test_a_damaged_state_is_refused_with_the_way_on(export: Path) -> None:
    state = export.parent / "state"
    assert _audit(export, "--state", str(state)).exit_code == 0
    store = open_store(state)
    key, value = next(iter(store.scan(b"s")))
    store.write([(key, value[:-1] + bytes([value[-1] ^ 1]))])
    store.close()
    ended = _audit(export, "--state", str(state))
    assert ended.exit_code != 0
    assert isinstance(ended.exception, Unavailable), ended.output
    assert "audit from the beginning" in str(ended.exception)


def test_a_folder_with_other_files_is_left_alone(export: Path) -> None:
    ended = _audit(export, "--state", str(export.parent))
    assert isinstance(ended.exception, Unavailable)
    assert export.exists()
