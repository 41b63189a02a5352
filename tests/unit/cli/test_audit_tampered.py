"""`tfchain audit` on a recorded devnet: right as it is; after any tampering it ends with 1 and says where.

The tamperer has no keys, but he knows the format: what frames the records stays in order.
"""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from tfchain.base.shapes import decode_record, encode_record
from tfchain.chain import export_records as records
from tfchain.cli import audit as verb
from tfchain.ledger.block import decode_block
from tfchain.ledger.commit import Commit
from tfchain.store.export import read_records, write_records
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import decode_transaction

APP = typer.Typer()
APP.command()(verb.audit)
HEIGHT = 10
Record = tuple[int, bytes]


@pytest.fixture(scope="module")
def recorded(golden_folder: Path) -> bytes:
    """A devnet of four validators and twelve nodes that passed a period and minted."""
    return (golden_folder / "devnet.tfc").read_bytes()


def _audit(folder: Path, content: bytes, *arguments: str) -> Result:
    path = folder / "chain.tfc"
    path.write_bytes(content)
    return CliRunner().invoke(APP, [str(path), *arguments])


def _records(content: bytes) -> list[Record]:
    return [(kind, payload) for _, kind, payload in read_records(BytesIO(content))]


def _written(rows: list[Record]) -> bytes:
    file = BytesIO()
    write_records(file, rows)
    return file.getvalue()


def _flipped(raw: bytes, at: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def _in_block(content: bytes, height: int, piece: Callable[[bytes], bytes]) -> bytes:
    """The export with one bit changed, in the last byte of a piece of a block."""
    rows = _records(content)
    place = [at for at, (kind, _) in enumerate(rows) if kind == records.BLOCK][height - 1]
    raw = rows[place][1]
    found = piece(raw)
    rows[place] = (records.BLOCK, _flipped(raw, raw.index(found) + len(found) - 1))
    return _written(rows)


def _header(content: bytes) -> bytes:
    return _in_block(content, HEIGHT, lambda raw: decode_block(raw).header.state_root)


def _signature(content: bytes) -> bytes:
    def of_a_vote(raw: bytes) -> bytes:
        commit = decode_block(raw).last_commit
        assert commit is not None
        return next(slot.signature for slot in commit.slots if slot.signature)

    return _in_block(content, HEIGHT, of_a_vote)


def _signature_of_the_last(content: bytes) -> bytes:
    """Nothing stands on the last commit but the word of those who signed it."""
    *rows, (kind, payload) = _records(content)
    assert kind == records.LAST_COMMIT
    signed = [slot.signature for slot in decode_record(Commit, payload).slots if slot.signature]
    last = payload.rindex(signed[-1]) + len(signed[-1]) - 1
    return _written([*rows, (kind, _flipped(payload, last))])


def _report(content: bytes) -> bytes:
    def of_a_node(raw: bytes) -> bytes:
        return next(tx for tx in decode_block(raw).txs if _is_report(tx))

    return _in_block(content, _height_with_a_report(content), of_a_node)


def _is_report(raw: bytes) -> bool:
    return decode_transaction(raw).envelope.kind == NUMBERS[ReportUptime]


def _height_with_a_report(content: bytes) -> int:
    blocks = [payload for kind, payload in _records(content) if kind == records.BLOCK]
    return next(
        height
        for height, raw in enumerate(blocks, start=1)
        if any(_is_report(tx) for tx in decode_block(raw).txs)
    )


def _receipt(content: bytes) -> bytes:
    rows = _records(content)
    place = next(at for at, (kind, _) in enumerate(rows) if kind == records.RECEIPTS)
    run = decode_record(records.ReceiptRun, rows[place][1], 1 << 23)
    changed = [*run.receipts]
    changed[4] = _flipped(changed[4], len(changed[4]) - 1)
    after = records.ReceiptRun(schedule=run.schedule, period=run.period, receipts=tuple(changed))
    rows[place] = (records.RECEIPTS, encode_record(after))
    return _written(rows)


def _cut(content: bytes) -> bytes:
    return content[: 2 * len(content) // 3]


def _cut_between_records(content: bytes) -> bytes:
    """By somebody who writes a proper end behind it."""
    rows = _records(content)
    return _written(rows[: 2 * len(rows) // 3])


def test_untouched_it_is_right(recorded: bytes, tmp_path: Path) -> None:
    result = _audit(tmp_path, recorded)
    assert result.exit_code == 0
    assert "batch 0/0   paid: 12 receipts" in result.stdout
    assert "second program: equal" in result.stdout
    assert result.stdout.endswith("audit: ok (consistent, not anchored: no --trust was given)\n")


@pytest.mark.parametrize(
    ("tampered", "named"),
    [
        pytest.param(_header, f"block {HEIGHT}: state_root is not", id="a header"),
        pytest.param(_signature, f"block {HEIGHT}: last_commit_hash", id="a signature"),
        pytest.param(_signature_of_the_last, "is false", id="the last one"),
        pytest.param(_report, ": tx_root does not fit", id="a report"),
        pytest.param(_receipt, "batch 0/0, node 5: the receipt is not", id="a receipt"),
        pytest.param(_cut, "the export is cut off", id="the last third cut off"),
        pytest.param(
            _cut_between_records, "missing: the export is cut off", id="cut off and closed again"
        ),
    ],
)
def test_whatever_is_changed_is_named(
    tampered: Callable[[bytes], bytes], named: str, recorded: bytes, tmp_path: Path
) -> None:
    changed = tampered(recorded)
    assert changed != recorded
    result = _audit(tmp_path, changed)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("audit: FAILED: ")
    assert named in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_genesis_of_somebody_else_is_named(recorded: bytes, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(records.genesis_text(_records(recorded)[0][1]), encoding="utf-8")
    assert _audit(tmp_path, recorded, "--genesis", str(own)).exit_code == 0
    other = tmp_path / "other.toml"
    text = own.read_text(encoding="utf-8")
    balance = next(line for line in text.splitlines() if line.startswith("balance ="))
    other.write_text(text.replace(balance, balance + "0", 1), encoding="utf-8")
    result = _audit(tmp_path, recorded, "--genesis", str(other))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "genesis: the export is of devnet-" in result.stderr
    assert "not of other.toml's chain" in result.stderr


def test_a_trusted_block_anchors_it(recorded: bytes, tmp_path: Path) -> None:
    trust = f"{HEIGHT}:{_block_id(recorded)}"
    result = _audit(tmp_path, recorded, "--trust", trust)
    assert result.exit_code == 0
    assert result.stdout.endswith("audit: ok (anchored)\n")


def test_another_trusted_block_does_not(recorded: bytes, tmp_path: Path) -> None:
    result = _audit(tmp_path, recorded, "--trust", f"{HEIGHT + 1}:{_block_id(recorded)}")
    assert result.exit_code == 1
    assert f"block {HEIGHT + 1}: its id is " in result.stderr


def _block_id(content: bytes) -> str:
    blocks = [payload for kind, payload in _records(content) if kind == records.BLOCK]
    return decode_block(blocks[HEIGHT - 1]).id.hex()
